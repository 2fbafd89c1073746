#include "ops/correlation.h"

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

struct CorrelationShape {
  std::int64_t batch, channels, height, width, dst_height, dst_width;
};

Offer offer_correlation(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  const std::string text = typed_text({{"T", type_name(call.dtype_in(0))}}, "correlation");
  StepPlan plan;
  plan.kernel.run = [kernel = GpuFunction::get(device_of(request.memory), text, "correlation"),
                     g = CorrelationParameters(call.attributes()),
                     shape = CorrelationShape{src[0], src[1], src[2], src[3], dst[2], dst[3]},
                     count = dst.elements()](const Operands& at) {
    constexpr unsigned threads = 256;
    launch(kernel, at.stream, grid_size(count, threads), threads, g, shape, at.dst[0], at.src[0], at.src[1]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> correlation_implementations() {
  return {{"cuda:correlation", {"Correlation"}, offer_correlation}};
}

}  // namespace tenon::cuda
