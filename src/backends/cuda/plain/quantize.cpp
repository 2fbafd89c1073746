// _contrib_quantize, _contrib_quantize_v2, _contrib_requantize and _contrib_dequantize.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/quantization.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::int64_t kMostParts = kThreads;  // one block joins them

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  return GpuFunction::get(
      device_of(request.memory),
      typed_text({{"T", type_name(request.call.dtype_in(0))}, {"D", type_name(request.call.dtype_out())}}, "quantize"),
      name);
}

/// What "settle_range" takes by value.
struct RangeGeometry {
  int parts = 0, is_signed = 0;
  float low = 0, high = 0;
  float levels = 0, src_levels = 1;
};

/// Where the ends of a range are among the inputs; -1: nowhere.
struct RangeInputs {
  int range = -1;  ///< of the source, as given
  int unit = -1;   ///< of the 32 bits of a source that is quantized itself
};

/// dst = src scaled to its range, and that range. Without a range given or calibrated it is the data's own.
Offer quantizing_plan(const StepRequest& request, float levels_there, RangeInputs inputs) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const DType to = call.dtype_out();
  const std::int64_t count = call.shape_out().elements();
  const bool is_signed = to == DType::int8;
  RangeGeometry g{.is_signed = is_signed ? 1 : 0, .levels = levels_there, .src_levels = levels(DType::int32)};
  if (inputs.range < 0) {
    if (const auto known = calibrated_range(call.attributes())) {
      g.low = known->low;
      g.high = known->high;
    } else {
      g.parts = static_cast<int>(std::min<std::int64_t>((count + kThreads - 1) / kThreads, kMostParts));
    }
  }
  StepPlan plan;
  constexpr std::size_t kScaleBytes = 64;
  plan.kernel.workspace_bytes = kScaleBytes + static_cast<std::size_t>(g.parts) * 2 * sizeof(float);
  plan.kernel.run = [=, extremes = kernel_of(request, "extremes"), settle = kernel_of(request, "settle_range"),
                     quantize = kernel_of(request, "quantize")](const Operands& at) {
    const auto input = [&](int i) { return i < 0 ? nullptr : at.src[static_cast<std::size_t>(i)]; };
    const auto end_of = [&](int low) { return low < 0 ? nullptr : input(low + 1); };
    void *scale = at.workspace, *part = at.workspace + kScaleBytes;
    if (g.parts > 0) {
      launch(extremes, at.stream, static_cast<unsigned>(g.parts), kThreads, count, part, at.src[0]);
    }
    launch(settle, at.stream, 1, kThreads, g, scale, at.dst[1], at.dst[2], static_cast<const void*>(part),
           input(inputs.range), end_of(inputs.range), input(inputs.unit), end_of(inputs.unit));
    launch(quantize, at.stream, grid_size(count, kThreads), kThreads, count, is_signed ? -128.0 : 0.0,
           is_signed ? 127.0 : 255.0, at.dst[0], at.src[0], static_cast<const void*>(scale));
  };
  return plan;
}

Offer offer_quantize(const StepRequest& request) {
  return quantizing_plan(request, levels(request.call.dtype_out()), {.range = 1});
}

Offer offer_quantize_v2(const StepRequest& request) {
  return quantizing_plan(request, half_levels(request.call.dtype_out()), {});
}

Offer offer_requantize(const StepRequest& request) {
  return quantizing_plan(request, levels(request.call.dtype_out()), {.unit = 1});
}

Offer offer_dequantize(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "dequantize"), count = call.shape_out().elements(),
                     steps = half_levels(call.dtype_in(0))](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, count, steps, at.dst[0], at.src[0], at.src[1],
           at.src[2]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> quantize_implementations() {
  return {{"cuda:quantize", {"_contrib_quantize"}, offer_quantize},
          {"cuda:quantize", {"_contrib_quantize_v2"}, offer_quantize_v2},
          {"cuda:quantize", {"_contrib_requantize"}, offer_requantize},
          {"cuda:dequantize", {"_contrib_dequantize"}, offer_dequantize}};
}

}  // namespace tenon::cuda
