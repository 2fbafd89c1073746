// CTCLoss, which may refuse labels and lengths.

#include "ops/ctc.h"
#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "backends/cuda/runtime/refusal.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// What the kernels take by value.
struct CtcGeometry {
  std::int64_t steps, batch, classes, labels;
  int blank_first;
};

/// A sequence's places in the kernel's order of refusals: two lengths, then its labels.
enum Place { kLabelLength, kDataLength, kFirstLabel };

void refuse_sequence(const DataRefusal& refuse, const CtcGeometry& g, const RefusalRecord& record) {
  const std::int64_t n = record.position / (g.labels + kFirstLabel), place = record.position % (g.labels + kFirstLabel);
  const std::int64_t value = record.detail[0];
  if (place == kLabelLength) refuse_ctc_length(refuse, "label_lengths", n, value, g.labels);
  if (place == kDataLength) refuse_ctc_length(refuse, "data_lengths", n, value, g.steps);
  refuse_ctc_label(refuse, n, place - kFirstLabel, value, g.classes, g.blank_first != 0);
}

std::size_t padded(std::int64_t elements, std::size_t size) {
  return (static_cast<std::size_t>(elements) * size + 63) / 64 * 64;
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const CtcInputs inputs(call.attributes());
  const DType label = call.dtype_in(1);
  Conditions conditions = filled_conditions(call);
  conditions.require(call.dtype_in(0) == DType::float32, "the data are {}, not float32", name(call.dtype_in(0)));
  conditions.require(inputs.data_lengths < 0 || call.dtype_in(inputs.data_lengths) == DType::float32,
                     "the lengths of the data are not float32");
  conditions.require(inputs.label_lengths < 0 || call.dtype_in(inputs.label_lengths) == label,
                     "the lengths of the labels are not {}, as the labels", name(label));
  if (conditions.refuse()) return conditions.reason();

  const Shape& data = call.shape_in(0);
  const CtcGeometry g{data[0], data[1], data[2], call.shape_in(1)[1],
                      call.attributes().text("blank_label") == "first" ? 1 : 0};
  const auto kernel = [&](const char* entry) {
    return GpuFunction::get(device_of(request.memory), typed_text({{"L", type_name(label)}}, {"refusal", "ctc"}),
                            entry);
  };
  const auto refusals = std::make_shared<KernelRefusals>(
      [g, refuse = DataRefusal(call)](const RefusalRecord& record) { refuse_sequence(refuse, g, record); });
  const std::int64_t states = g.batch * (2 * g.labels + 1);
  const std::size_t class_bytes = padded(states, sizeof(std::int64_t)), alpha_bytes = padded(2 * states, sizeof(float));
  constexpr unsigned threads = 128;
  StepPlan plan;
  plan.kernel.workspace_bytes = class_bytes + alpha_bytes + padded(g.steps * g.batch, sizeof(float));
  plan.kernel.run = [=, normalise = kernel("ctc_normaliser"), cost = kernel("ctc_cost")](const Operands& at) {
    const auto input = [&](int i) { return i < 0 ? nullptr : at.src[static_cast<std::size_t>(i)]; };
    void *classes = at.workspace, *alpha = at.workspace + class_bytes;
    void* normaliser = at.workspace + class_bytes + alpha_bytes;
    launch(normalise, at.stream, grid_size(g.steps * g.batch, 1), threads, g, normaliser, at.src[0]);
    launch(cost, at.stream, grid_size(g.batch, 1), threads, g, at.dst[0], classes, alpha, at.src[0],
           static_cast<const void*>(normaliser), at.src[1], input(inputs.data_lengths), input(inputs.label_lengths),
           refusals->record(at.stream));
  };
  return plan;
}

}  // namespace

std::vector<Implementation> ctc_implementations() {
  return {{"cuda:ctc_loss", {"CTCLoss"}, offer}};
}

}  // namespace tenon::cuda
