// Reductions over axes: a block a result, in a fixed order, so that the same input gives the same bits.

#include <map>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/kernel_form.h"

namespace tenon::cuda {
namespace {

/// What the kernels "reduce" and "arg_reduce" take by value.
struct ReduceGeometry {
  std::int64_t results = 0, terms = 0;
  int kept_rank = 0, reduced_rank = 0;
  std::int64_t kept_extent[kMostAxes] = {}, kept_stride[kMostAxes] = {};
  std::int64_t reduced_extent[kMostAxes] = {}, reduced_stride[kMostAxes] = {};
};

ReduceGeometry geometry_of(const Reduction& reduction) {
  ReduceGeometry geometry{reduction.results, reduction.terms, static_cast<int>(reduction.kept.size()),
                          static_cast<int>(reduction.reduced.size())};
  for (std::size_t i = 0; i < reduction.kept.size(); ++i) {
    geometry.kept_extent[i] = reduction.kept[i].size;
    geometry.kept_stride[i] = reduction.kept[i].stride;
  }
  for (std::size_t i = 0; i < reduction.reduced.size(); ++i) {
    geometry.reduced_extent[i] = reduction.reduced[i].size;
    geometry.reduced_stride[i] = reduction.reduced[i].stride;
  }
  return geometry;
}

struct Function {
  const char *initial, *step, *combine, *finish = "acc";
};

const std::map<std::string_view, Function>& functions() {
  static const std::map<std::string_view, Function> table = {
      {"sum", {"0", "acc + x", "acc + other"}},
      {"mean", {"0", "acc + x", "acc + other", "acc / static_cast<A>(terms)"}},
      {"prod", {"1", "acc * x", "acc * other"}},
      {"nansum", {"0", "x == x ? acc + x : acc", "acc + other"}},
      {"nanprod", {"1", "x == x ? acc * x : acc", "acc * other"}},
      {"max", {"-INFINITY_F", "greater_of(acc, x)", "greater_of(acc, other)"}},
      {"min", {"INFINITY_F", "lesser_of(acc, x)", "lesser_of(acc, other)"}},
      {"norm1", {"0", "acc + (x < 0 ? -x : x)", "acc + other"}},
      {"norm2", {"0", "acc + x * x", "acc + other", "sqrt(acc)"}},
      {"argmax", {"", "x > best", "", ""}},
      {"argmax_channel", {"", "x > best", "", ""}},
      {"argmin", {"", "x < best", "", ""}},
  };
  return table;
}

unsigned threads_for(std::int64_t terms) {
  unsigned threads = 32;
  while (threads < 256 && threads < terms) threads *= 2;
  return threads;
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  if (conditions.refuse()) return conditions.reason();
  const auto form = call.node.op->reference(call).form;
  const auto* reduction = form ? std::get_if<Reduction>(&form->what) : nullptr;
  if (reduction == nullptr || reduction->kept.size() > kMostAxes || reduction->reduced.size() > kMostAxes) {
    return "it is no plain reduction";
  }
  std::string function(call.node.op_name());
  if (function == "norm") function += call.attributes().integer("ord") == 1 ? "1" : "2";
  const Function& words = functions().at(function);
  const GpuDevice& device = device_of(request.memory);
  const std::string dst = type_name(call.dtype_out()), src = type_name(call.dtype_in(0));
  const bool positions = *words.initial == '\0';
  // Sums of the reference are in double; a GPU for learning has few units for that, and a tree in float is as exact as
  // MXNet's own.
  const std::string accumulator = arithmetic_name(call.dtype_in(0));
  const GpuFunction kernel =
      positions
          ? GpuFunction::get(device, arg_reduce_text(dst, src, accumulator, words.step), "arg_reduce")
          : GpuFunction::get(
                device, reduce_text({dst, src, accumulator, words.initial, words.step, words.combine, words.finish}),
                "reduce");
  StepPlan plan;
  plan.kernel.run = [kernel, geometry = geometry_of(*reduction)](const Operands& operands) {
    launch(kernel, operands.stream, grid_size(geometry.results, 1), threads_for(geometry.terms), geometry,
           operands.dst[0], operands.src[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> reduce_implementations() {
  return {{"cuda:reduce",
           {"sum", "mean", "prod", "nansum", "nanprod", "max", "min", "norm", "argmax", "argmax_channel", "argmin"},
           offer}};
}

}  // namespace tenon::cuda
