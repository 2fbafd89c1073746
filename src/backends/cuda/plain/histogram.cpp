// _histogram.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const bool uniform = call.inputs.size() == 1;
  const std::int64_t bins = call.shape_out().elements();
  const double low = uniform ? call.attributes().reals("range")[0] : 0;
  const double high = uniform ? call.attributes().reals("range")[1] : 0;
  const auto kernel = [&](const char* name) {
    return GpuFunction::get(device_of(request.memory), typed_text({{"T", type_name(call.dtype_in(0))}}, "histogram"),
                            name);
  };
  StepPlan plan;
  plan.kernel.workspace_bytes = static_cast<std::size_t>(bins + 1) * sizeof(double);
  plan.kernel.run = [=, make_edges = kernel("bin_edges"), fill = kernel("histogram"),
                     count = call.shape_in(0).elements()](const Operands& at) {
    void* edges = at.workspace;
    launch(make_edges, at.stream, grid_size(bins + 1, kThreads), kThreads, bins, low, high, edges, at.dst[1],
           uniform ? nullptr : at.src[1]);
    check(driver().cuMemsetD8Async(reinterpret_cast<CUdeviceptr>(at.dst[0]), 0,
                                   static_cast<std::size_t>(bins) * sizeof(std::int64_t),
                                   static_cast<CUstream>(at.stream)));
    launch(fill, at.stream, grid_size(count, kThreads), kThreads, count, bins, at.dst[0], at.src[0],
           static_cast<const void*>(edges));
  };
  return plan;
}

}  // namespace

std::vector<Implementation> histogram_implementations() {
  return {{"cuda:histogram", {"_histogram"}, offer}};
}

}  // namespace tenon::cuda
