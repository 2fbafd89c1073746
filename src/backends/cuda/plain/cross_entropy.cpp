// softmax_cross_entropy.

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
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const auto kernel = [&](const char* name) {
    return GpuFunction::get(device_of(request.memory),
                            typed_text({{"T", type_name(call.dtype_in(0))}}, "cross_entropy"), name);
  };
  const std::int64_t rows = call.shape_in(0)[0], classes = call.shape_in(0)[1];
  StepPlan plan;
  plan.kernel.workspace_bytes = static_cast<std::size_t>(rows) * sizeof(double);
  plan.kernel.run = [=, losses = kernel("row_losses"), total = kernel("total_loss")](const Operands& at) {
    void* loss = at.workspace;
    launch(losses, at.stream, grid_size(rows, kThreads), kThreads, rows, classes, loss, at.src[0], at.src[1]);
    launch(total, at.stream, 1, kThreads, rows, at.dst[0], static_cast<const void*>(loss));
  };
  return plan;
}

}  // namespace

std::vector<Implementation> cross_entropy_implementations() {
  return {{"cuda:cross_entropy", {"softmax_cross_entropy"}, offer}};
}

}  // namespace tenon::cuda
