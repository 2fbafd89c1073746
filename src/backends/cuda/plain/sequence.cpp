// SequenceLast and SequenceReverse, whose lengths may be refused.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "backends/cuda/runtime/refusal.h"
#include "graph/graph.h"
#include "ops/data_refusal.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// What the kernels take by value.
struct SequenceGeometry {
  std::int64_t steps, batch, row;
  std::int64_t step_stride, batch_stride;  // in rows
};

SequenceGeometry geometry_of(const OpCall& call) {
  const Shape& src = call.shape_in(0);
  const std::int64_t row = src.elements(2, src.rank());
  if (call.attributes().integer("axis") == 0) return {src[0], src[1], row, src[1], 1};
  return {src[1], src[0], row, 1, src[1]};
}

Offer plan_of(const StepRequest& request, const std::string& name, std::int64_t least) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const bool has_lengths = call.inputs.size() > 1;
  const SequenceGeometry g = geometry_of(call);
  const GpuFunction kernel = GpuFunction::get(device_of(request.memory),
                                              typed_text({{"T", bits_name(size_of(call.dtype_in(0)))},
                                                          {"L", has_lengths ? type_name(call.dtype_in(1)) : "int"}},
                                                         {"index_of", "refusal", "sequence"}),
                                              name);
  const auto refusals = std::make_shared<KernelRefusals>(
      [refuse = DataRefusal(call), least, most = g.steps](const RefusalRecord& record) {
        refuse.sequence_length(record.position, record.detail[0], least, most);
      });
  StepPlan plan;
  plan.kernel.run = [=, count = call.shape_out().elements()](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, g, at.dst[0], at.src[0],
           has_lengths ? at.src[1] : nullptr, refusals->record(at.stream));
  };
  return plan;
}

Offer offer_last(const StepRequest& request) {
  return plan_of(request, "sequence_last", 1);
}

Offer offer_reverse(const StepRequest& request) {
  return plan_of(request, "sequence_reverse", 0);
}

}  // namespace

std::vector<Implementation> sequence_implementations() {
  return {{"cuda:sequence_last", {"SequenceLast"}, offer_last},
          {"cuda:sequence_reverse", {"SequenceReverse"}, offer_reverse}};
}

}  // namespace tenon::cuda
