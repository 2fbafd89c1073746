// Operators whose result depends on no element: zeros, ranges, shapes. The reference computes it once, when the model
// is bound; a forward copies it on the device.

#include <vector>

#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// What the reference gives; it reads none of its inputs.
Tensor computed(const OpCall& call) {
  const Kernel kernel = call.node.op->reference(call);
  Tensor dst(call.shape_out(), call.dtype_out());
  Tensor workspace(Shape{static_cast<std::int64_t>(kernel.workspace_bytes)}, DType::uint8);
  const std::vector<const void*> inputs(call.inputs.size(), nullptr);
  void* outputs[] = {dst.mutable_data()};
  kernel.run({inputs, outputs, static_cast<std::byte*>(workspace.mutable_data())});
  return dst;
}

Offer offer(const StepRequest& request) {
  if (request.call.shape_out().elements() == 0) return "there are no elements";
  StepPlan plan;
  plan.kernel.run = [value = request.memory.resident(computed(request.call))](const Operands& at) {
    copy_within(at.dst[0], value.data(), value.bytes(), at.stream);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> constant_implementations() {
  return {{"cuda:constant",
           {"_zeros", "_zeros_without_dtype", "_ones", "_full", "_eye", "_arange", "_linspace", "_contrib_arange_like",
            "_contrib_index_array", "_npi_zeros", "_npi_ones", "_npi_eye", "_npi_identity", "_npi_arange",
            "_npi_indices", "_npi_full_like", "shape_array", "size_array"},
           offer}};
}

}  // namespace tenon::cuda
