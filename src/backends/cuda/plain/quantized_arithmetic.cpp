// Element-wise operators of quantized tensors.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/quantization.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  const OpCall& call = request.call;
  return GpuFunction::get(
      device_of(request.memory),
      typed_text(
          {{"T", type_name(call.dtype_in(0))}, {"R", type_name(call.dtype_in(1))}, {"D", type_name(call.dtype_out())}},
          "quantized_arithmetic"),
      name);
}

/// What the kernels of two operands take by value.
struct PairRanges {
  const void *left_low, *left_high, *right_low, *right_high;
};
struct PairGeometry {
  std::int64_t count = 0;
  int calibrated = 0, gives_floats = 0;
  float low = 0, high = 0;
  float left_half_levels = 0, right_half_levels = 0, half_levels = 0;
  float left_levels = 0, right_levels = 0;
  double least = 0, greatest = 0;
};

PairGeometry pair_geometry(const OpCall& call) {
  const DType left = call.dtype_in(0), right = call.dtype_in(1), to = call.dtype_out();
  const auto range = calibrated_range(call.attributes());
  return {.count = call.shape_out().elements(),
          .calibrated = range ? 1 : 0,
          .gives_floats = to == DType::float32 ? 1 : 0,
          .low = range ? range->low : 0,
          .high = range ? range->high : 0,
          .left_half_levels = half_levels(left),
          .right_half_levels = half_levels(right),
          .half_levels = half_levels(to),
          .left_levels = levels(left),
          .right_levels = levels(right),
          .least = saturated(-INFINITY, to),
          .greatest = saturated(INFINITY, to)};
}

Offer pair_plan(const StepRequest& request, const std::string& name) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  for (const int i : {0, 1}) {
    const DType dtype = call.dtype_in(i);
    conditions.require(dtype == DType::int8 || dtype == DType::uint8, "input {} is {}, not int8 or uint8", i,
                       tenon::name(dtype));
  }
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [g = pair_geometry(call), kernel = kernel_of(request, name)](const Operands& at) {
    void *low = g.gives_floats != 0 ? nullptr : at.dst[1], *high = g.gives_floats != 0 ? nullptr : at.dst[2];
    launch(kernel, at.stream, grid_size(g.count, kThreads), kThreads, g, at.dst[0], low, high, at.src[0], at.src[1],
           PairRanges{at.src[2], at.src[3], at.src[4], at.src[5]});
  };
  return plan;
}

Offer offer_add(const StepRequest& request) {
  return pair_plan(request, "quantized_add");
}

Offer offer_multiply(const StepRequest& request) {
  return pair_plan(request, "quantized_multiply");
}

Offer offer_act(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(call.attributes().text("act_type") == "relu", "act_type={} has no quantized form",
                     call.attributes().text("act_type"));
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "quantized_relu"),
                     count = call.shape_out().elements()](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, count, at.dst[0], at.dst[1], at.dst[2], at.src[0],
           at.src[1], at.src[2]);
  };
  return plan;
}

/// What "quantized_batch_norm" takes by value.
struct NormGeometry {
  std::int64_t count, channels, inner;
  int halved;
  float low, high;
  float half_levels, eps;
};

Offer offer_batch_norm(const StepRequest& request) {
  const OpCall& call = request.call;
  const auto range = calibrated_range(call.attributes());
  Conditions conditions = filled_conditions(call);
  conditions.require(range.has_value(), "the range is not calibrated");
  if (conditions.refuse()) return conditions.reason();
  const Shape& data = call.shape_in(0);
  const NormGeometry g{.count = data.elements(),
                       .channels = data[1],
                       .inner = data.elements(2, data.rank()),
                       .halved = call.dtype_in(0) == DType::uint8 ? 1 : 0,
                       .low = range->low,
                       .high = range->high,
                       .half_levels = half_levels(DType::int8),
                       .eps = static_cast<float>(call.attributes().real("eps"))};
  StepPlan plan;
  plan.kernel.run = [g, kernel = kernel_of(request, "quantized_batch_norm")](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.count, kThreads), kThreads, g, at.dst[0], at.dst[1], at.dst[2], at.src[0],
           at.src[1], at.src[2], at.src[3], at.src[4], at.src[5], at.src[6]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> quantized_arithmetic_implementations() {
  return {{"cuda:quantized_add", {"_contrib_quantized_elemwise_add"}, offer_add},
          {"cuda:quantized_multiply", {"_contrib_quantized_elemwise_mul"}, offer_multiply},
          {"cuda:quantized_act", {"_contrib_quantized_act"}, offer_act},
          {"cuda:quantized_batch_norm", {"_contrib_quantized_batch_norm"}, offer_batch_norm}};
}

}  // namespace tenon::cuda
