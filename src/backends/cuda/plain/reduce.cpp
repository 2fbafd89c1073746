// Reductions over axes: a block a result, or several where results are few and lines are long. All in a fixed order, so
// that the same input gives the same bits.

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

/// What the kernels take by value.
struct ReduceGeometry {
  std::int64_t results = 0, terms = 0, parts = 1;
  int kept_rank = 0, reduced_rank = 0;
  std::int64_t kept_extent[kMostAxes] = {}, kept_stride[kMostAxes] = {};
  std::int64_t reduced_extent[kMostAxes] = {}, reduced_stride[kMostAxes] = {};
};

/// Parts of a line, so that a long one keeps more than a few of a device's hundred multiprocessors busy.
std::int64_t parts_of(const Reduction& reduction) {
  constexpr std::int64_t kBlocks = 512, kTermsOfPart = 4096;
  return std::clamp<std::int64_t>(reduction.terms / kTermsOfPart, 1,
                                  std::max(kBlocks / reduction.results, std::int64_t{1}));
}

ReduceGeometry geometry_of(const Reduction& reduction) {
  ReduceGeometry geometry{reduction.results, reduction.terms, parts_of(reduction),
                          static_cast<int>(reduction.kept.size()), static_cast<int>(reduction.reduced.size())};
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
      {"max", {"least<A>()", "greater_of(acc, x)", "greater_of(acc, other)"}},
      {"min", {"greatest<A>()", "lesser_of(acc, x)", "lesser_of(acc, other)"}},
      {"norm1", {"0", "acc + (x < 0 ? -x : x)", "acc + other"}},
      {"norm2", {"0", "acc + x * x", "acc + other", "convert<A>(sqrt(static_cast<double>(acc)))"}},
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

bool walkable(const Reduction& reduction) {
  return reduction.kept.size() <= kMostAxes && reduction.reduced.size() <= kMostAxes;
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const auto form = call.node.op->reference(call).form;
  const auto* reduction = form ? std::get_if<Reduction>(&form->what) : nullptr;
  if (reduction == nullptr || !walkable(*reduction)) return "it is no plain reduction";
  std::string function(call.node.op_name());
  if (function == "norm") function += call.attributes().integer("ord") == 1 ? "1" : "2";
  const Function& words = functions().at(function);
  const GpuDevice& device = device_of(request.memory);
  const std::string dst = type_name(call.dtype_out()), src = type_name(call.dtype_in(0));
  const bool positions = *words.initial == '\0';
  // Sums of the reference are in double; a GPU for learning has few units for that, and a tree in float is as exact as
  // MXNet's own.
  const std::string accumulator = arithmetic_name(call.dtype_in(0));
  const std::string text =
      positions ? arg_reduce_text(dst, src, accumulator, words.step)
                : reduce_text({dst, src, accumulator, words.initial, words.step, words.combine, words.finish});
  const GpuFunction kernel = GpuFunction::get(device, text, "reduce");
  const GpuFunction join = GpuFunction::get(device, text, "reduce_parts");
  const ReduceGeometry geometry = geometry_of(*reduction);
  StepPlan plan;
  constexpr std::size_t kPartBytes = 16;  // a number, or one and its position
  if (geometry.parts > 1) {
    plan.kernel.workspace_bytes = static_cast<std::size_t>(geometry.results * geometry.parts) * kPartBytes;
  }
  plan.kernel.run = [kernel, join, geometry](const Operands& at) {
    const std::int64_t terms = geometry.terms / geometry.parts;
    launch(kernel, at.stream, grid_size(geometry.results * geometry.parts, 1), threads_for(terms), geometry, at.dst[0],
           at.workspace, at.src[0]);
    if (geometry.parts == 1) return;
    launch(join, at.stream, grid_size(geometry.results, 1), threads_for(geometry.parts), geometry, at.dst[0],
           static_cast<const void*>(at.workspace));
  };
  return plan;
}

Offer offer_moments(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const auto form = call.node.op->reference(call).form;
  const auto& reduction = std::get<Reduction>(form->what);
  if (!walkable(reduction)) return "it walks too many axes";
  StepPlan plan;
  plan.kernel.run = [geometry = geometry_of(reduction),
                     kernel = GpuFunction::get(device_of(request.memory),
                                               moments_text(type_name(call.dtype_out()), type_name(call.dtype_in(0))),
                                               "moments")](const Operands& at) {
    launch(kernel, at.stream, grid_size(geometry.results, 1), threads_for(geometry.terms), geometry, at.dst[0],
           at.dst[1], at.src[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> reduce_implementations() {
  return {{"cuda:moments", {"moments"}, offer_moments},
          {"cuda:reduce",
           {"sum", "mean", "prod", "nansum", "nanprod", "max", "min", "norm", "argmax", "argmax_channel", "argmin"},
           offer}};
}

}  // namespace tenon::cuda
