// Joins tensors by copying whole runs of bytes, so that every type will do; along the channels also in blocks, where
// each input fills its last one. An input that lies in one piece of the output may be written there in the first place.

#include <algorithm>
#include <cstring>

#include "backends/cpu/cpu.h"
#include "backends/cpu/parallel.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

/// The bytes that each input gives to one index of the axes before the joined one.
struct Problem {
  std::int64_t outer = 1;
  std::vector<std::size_t> run;
  std::size_t total = 0;
};

void concat(const Problem& problem, const Operands& operands) {
  parallel_for(problem.outer, static_cast<std::int64_t>(problem.total / sizeof(float)),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t row = first; row < last; ++row) {
                   std::byte* dst = operands.out<std::byte>() + static_cast<std::size_t>(row) * problem.total;
                   for (std::size_t i = 0; i < problem.run.size(); ++i) {
                     const auto* src = static_cast<const std::byte*>(operands.src[i]);
                     src += static_cast<std::size_t>(row) * problem.run[i];
                     if (src != dst) std::memcpy(dst, src, problem.run[i]);  // else it was written where it belongs
                     dst += problem.run[i];
                   }
                 }
               });
}

/// A blocked format that every input can be joined in, else row-major.
MemoryFormat common_format(const StepRequest& request, int axis) {
  const auto blocked = std::ranges::find_if(request.src, [](MemoryFormat format) { return !format.row_major(); });
  if (axis != 1 || blocked == request.src.end()) return {};
  const bool fits = std::ranges::all_of(request.call.inputs,
                                        [&](const TensorType& input) { return input.shape[1] % blocked->block == 0; });
  return fits ? *blocked : MemoryFormat{};
}

/// Where each input lies in the output, if it lies together there.
std::vector<Part> parts_of(const Problem& problem) {
  std::vector<Part> parts;
  std::size_t offset = 0;
  for (int i = 0; problem.outer == 1 && i < static_cast<int>(problem.run.size()); ++i) {
    if (offset % 64 == 0) parts.push_back({i, offset});
    offset += problem.run[static_cast<std::size_t>(i)];
  }
  return parts;
}

Offer offer_concat(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    conditions.require(call.inputs[i].dtype == call.outputs[0].dtype, "input {} has another type than the output", i);
  }
  const int rank = call.shape_out().rank();
  conditions.require(rank > 0, "the data have rank 0");
  if (conditions.refuse()) return conditions.reason();
  const auto given = static_cast<int>(call.attributes().integer("dim"));
  const int axis = given < 0 ? given + rank : given;
  const MemoryFormat format = common_format(request, axis);
  const std::size_t element = size_of(format.stored.value_or(*call.outputs[0].dtype));
  Problem problem;
  problem.outer = call.shape_out().elements(0, axis);
  for (const TensorType& input : call.inputs) {
    problem.run.push_back(static_cast<std::size_t>(input.shape.elements(axis, rank)) * element);
    problem.total += problem.run.back();
  }
  StepPlan plan;
  plan.kernel.run = [problem](const Operands& operands) { concat(problem, operands); };
  plan.src.assign(request.src.size(), format);
  plan.dst = {format};
  plan.parts = parts_of(problem);
  return plan;
}

}  // namespace

std::vector<Implementation> concat_implementations() {
  return {{"cpu:concat", {"Concat"}, offer_concat}};
}

}  // namespace tenon::cpu
