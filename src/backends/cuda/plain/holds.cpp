// Whether something holds for every element: all_finite, multi_all_finite, allclose.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

GpuFunction kernel_of(const StepRequest& request, const std::string& name, DType data) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(data)}, {"D", type_name(request.call.dtype_out())}}, "holds"),
                          name);
}

Offer offer_finite(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  std::vector<std::pair<GpuFunction, std::int64_t>> parts;
  for (const TensorType& input : call.inputs) {
    parts.emplace_back(kernel_of(request, "hold_finite", *input.dtype), input.shape.elements());
  }
  StepPlan plan;
  plan.kernel.run = [parts, begin = kernel_of(request, "hold_begin", call.dtype_in(0))](const Operands& at) {
    launch(begin, at.stream, 1, 1, at.dst[0]);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& [kernel, count] = parts[i];
      launch(kernel, at.stream, grid_size(count, kThreads), kThreads, count, at.dst[0], at.src[i]);
    }
  };
  return plan;
}

Offer offer_close(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const DType data = call.dtype_in(0);
  StepPlan plan;
  plan.kernel.run = [begin = kernel_of(request, "hold_begin", data), close = kernel_of(request, "hold_close", data),
                     count = call.shape_in(0).elements(), rtol = attributes.real("rtol"),
                     atol = attributes.real("atol"),
                     equal_nan = attributes.flag("equal_nan") ? 1 : 0](const Operands& at) {
    launch(begin, at.stream, 1, 1, at.dst[0]);
    launch(close, at.stream, grid_size(count, kThreads), kThreads, count, rtol, atol, equal_nan, at.dst[0], at.src[0],
           at.src[1]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> holds_implementations() {
  return {{"cuda:all_finite", {"all_finite", "multi_all_finite"}, offer_finite},
          {"cuda:allclose", {"_contrib_allclose"}, offer_close}};
}

}  // namespace tenon::cuda
