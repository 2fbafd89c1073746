// Rows by index: Embedding and take.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// `indices` rows for each of the outer slices of data seen as (outer, rows, inner).
Offer plan_of(const StepRequest& request, int data, int index, const std::string& mode, std::int64_t rows,
              std::int64_t inner) {
  const OpCall& call = request.call;
  const std::int64_t count = call.shape_out().elements(), indices = call.shape_in(index).elements();
  const GpuFunction kernel = GpuFunction::get(
      device_of(request.memory),
      take_text(bits_name(size_of(call.dtype_in(data))), type_name(call.dtype_in(index)), mode), "take");
  constexpr unsigned threads = 256;
  StepPlan plan;
  plan.kernel.run = [=, blocks = grid_size(count, threads)](const Operands& operands) {
    launch(kernel, operands.stream, blocks, threads, operands.dst[0], operands.src[static_cast<std::size_t>(data)],
           operands.src[static_cast<std::size_t>(index)], count, rows, indices, inner);
  };
  return plan;
}

Offer offer_embedding(const StepRequest& request) {
  const Conditions conditions = filled_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& weight = request.call.shape_in(1);
  return plan_of(request, 1, 0, "clip", weight[0], weight[1]);
}

Offer offer_take(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  const std::string& mode = call.attributes().text("mode");
  conditions.require(mode != "raise", "mode=raise may refuse an index");
  if (conditions.refuse()) return conditions.reason();
  const Shape& src = call.shape_in(0);
  const std::int64_t written = call.attributes().integer("axis");
  const int axis = static_cast<int>(written < 0 ? written + src.rank() : written);
  return plan_of(request, 0, 1, mode, src[axis], src.elements(axis + 1, src.rank()));
}

}  // namespace

std::vector<Implementation> indexing_implementations() {
  return {{"cuda:take", {"Embedding", "_contrib_SparseEmbedding"}, offer_embedding},
          {"cuda:take", {"take"}, offer_take}};
}

}  // namespace tenon::cuda
