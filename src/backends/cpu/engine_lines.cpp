// What works along an axis: normalisations by statistics of the data, softmax in its spellings, reductions.

#include <algorithm>
#include <optional>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/lines.h"
#include "backends/cpu/kernels/share.h"
#include "graph/graph.h"
#include "ops/axis_split.h"
#include "ops/kernel_form.h"

namespace tenon::cpu {
namespace {

Lines lines_of(const AxisSplit& split) {
  return {split.outer, split.size, split.inner};
}

template <class Work>
void share_parts(const Lines& lines, const Work& work) {
#pragma omp parallel if (lines.outer * lines.size * lines.inner >= kWorthWaking)
  {
    const Share share = share_of(lines.parts());
    work(share.first, share.last);
  }
}

/// A plan for the first input and output, row-major; gamma and beta are inputs 1 and 2.
StepPlan map_plan(const StepRequest& request, const Lines& lines, const LineFunction& function) {
  StepPlan plan;
  plan.in_place = {0};
  plan.src.resize(request.src.size());
  plan.dst.resize(request.read.size());
  plan.kernel.run = [lines, function](const Operands& operands) {
    LineFunction bound = function;
    if (function.kind == LineFunction::Kind::standardize) {
      bound.gamma = operands.in<float>(1);
      bound.beta = operands.in<float>(2);
    }
    const auto map = machine_isa() == Isa::avx512 ? avx512::map_lines : avx2::map_lines;
    share_parts(lines, [&](std::int64_t first, std::int64_t last) {
      map(lines, bound, operands.in<float>(0), operands.out<float>(), first, last);
    });
  };
  return plan;
}

Conditions map_conditions(const StepRequest& request) {
  Conditions conditions = kernel_conditions(request.call);
  for (std::size_t i = 1; i < request.read.size(); ++i) {
    conditions.require(!request.read[i], "output {}, a statistic, is read", i);
  }
  return conditions;
}

int axis_of(const OpCall& call) {
  const int rank = call.shape_in(0).rank();
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  return axis < 0 ? axis + rank : axis;
}

Offer offer_standardize(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = map_conditions(request);
  if (conditions.refuse()) return conditions.reason();
  const Shape& data = call.shape_in(0);
  const std::string_view op = call.node.op_name();
  LineFunction function;
  function.epsilon = static_cast<float>(call.attributes().real("eps"));
  function.per_element = op == "LayerNorm";
  function.parameters = call.shape_in(1).elements();
  if (op == "GroupNorm") {
    const std::int64_t sets = data[0] * function.parameters;
    return map_plan(request, {sets, data.elements() / sets, 1}, function);
  }
  const int axis = function.per_element ? axis_of(call) : 2;
  return map_plan(request, lines_of(split_around(data, axis, function.per_element ? axis + 1 : data.rank())), function);
}

Offer offer_divide_norm(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = map_conditions(request);
  if (conditions.refuse()) return conditions.reason();
  const std::string& mode = call.attributes().text("mode");
  const int first = mode == "spatial" ? 2 : 1, last = mode == "channel" ? 2 : call.shape_in(0).rank();
  LineFunction function{LineFunction::Kind::divide_norm};
  function.epsilon = static_cast<float>(call.attributes().real("eps"));
  return map_plan(request, lines_of(split_around(call.shape_in(0), first, last)), function);
}

/// The axes [first, last) that one softmax goes over.
struct Axes {
  int first, last;
};

Axes softmax_axes(const OpCall& call) {
  const int rank = call.shape_in(0).rank();
  const std::string_view op = call.node.op_name();
  if (op == "SoftmaxActivation") return call.attributes().text("mode") == "channel" ? Axes{1, 2} : Axes{rank - 1, rank};
  if (op == "SoftmaxOutput") {
    if (call.attributes().flag("multi_output")) return {1, 2};
    return call.attributes().flag("preserve_shape") ? Axes{rank - 1, rank} : Axes{1, rank};
  }
  return {axis_of(call), axis_of(call) + 1};
}

Offer offer_softmax(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  const std::string_view op = call.node.op_name();
  Conditions conditions = map_conditions(request);
  const bool plain = op == "softmax" || op == "log_softmax";
  conditions.require(!plain || call.inputs.size() == 1, "the length of each row is given");
  conditions.require(!attributes.has("temperature") || attributes.real("temperature") == 1, "temperature is not 1");
  conditions.require(call.shape_in(0).rank() > (plain ? 0 : 1), "the data have rank {}", call.shape_in(0).rank());
  if (conditions.refuse()) return conditions.reason();
  const Axes axes = softmax_axes(call);
  const LineFunction function{op == "log_softmax" ? LineFunction::Kind::log_softmax : LineFunction::Kind::softmax};
  return map_plan(request, lines_of(split_around(call.shape_in(0), axes.first, axes.last)), function);
}

/// Where the reduced axes are neighbours, the tensor around them.
std::optional<Lines> reduced_lines(const Reduction& reduction) {
  std::int64_t inner = 0, next = 0;
  for (auto dim = reduction.reduced.rbegin(); dim != reduction.reduced.rend(); ++dim) {
    if (dim->size == 1) continue;
    if (inner == 0) inner = next = dim->stride;
    if (dim->stride != next) return {};
    next *= dim->size;
  }
  if (inner == 0) inner = 1;
  return Lines{reduction.results / inner, reduction.terms, inner};
}

Offer offer_reduction(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = kernel_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Kernel reference = call.node.op->reference(call);
  const auto* reduction = reference.form ? std::get_if<Reduction>(&reference.form->what) : nullptr;
  const std::optional<Lines> lines = reduction != nullptr ? reduced_lines(*reduction) : std::nullopt;
  conditions.require(lines.has_value(), "the reduced axes are not neighbours");
  if (conditions.refuse()) return conditions.reason();
  const std::string_view op = call.node.op_name();
  const LineReduction kind = op == "sum"    ? LineReduction::sum
                             : op == "mean" ? LineReduction::mean
                             : op == "max"  ? LineReduction::max
                                            : LineReduction::min;
  StepPlan plan;
  plan.kernel.run = [lines = *lines, kind](const Operands& operands) {
    const auto reduce = machine_isa() == Isa::avx512 ? avx512::reduce_lines : avx2::reduce_lines;
    share_parts(lines, [&](std::int64_t first, std::int64_t last) {
      reduce(lines, kind, operands.in<float>(0), operands.out<float>(), first, last);
    });
  };
  return plan;
}

}  // namespace

Implementation line_softmax_implementation() {
  return {"tenon:softmax", {"softmax", "log_softmax", "SoftmaxOutput", "SoftmaxActivation"}, offer_softmax};
}

std::vector<Implementation> engine_line_implementations() {
  return {{"tenon:standardize", {"LayerNorm", "InstanceNorm", "GroupNorm"}, offer_standardize},
          {"tenon:l2_norm", {"L2Normalization"}, offer_divide_norm},
          line_softmax_implementation(),
          {"tenon:reduce", {"sum", "mean", "max", "min"}, offer_reduction}};
}

}  // namespace tenon::cpu
