// tril.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  constexpr unsigned threads = 256;
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  const GpuFunction kernel = GpuFunction::get(
      device_of(request.memory), typed_text({{"T", bits_name(size_of(call.dtype_in(0)))}}, "triangle"), "tril");
  StepPlan plan;
  plan.kernel.run = [kernel, count = dst.elements(), rows = dst[dst.rank() - 2], columns = dst[dst.rank() - 1],
                     period = src.elements(), k = call.attributes().integer("k")](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, threads), threads, count, rows, columns, period, k, at.dst[0],
           at.src[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> triangle_implementations() {
  return {{"cuda:tril", {"_npi_tril"}, offer}};
}

}  // namespace tenon::cuda
