// Pooling in blocks of 16 channels; a result of one element a channel is written row-major, where it is the same but
// for the padding.

#include <algorithm>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/pooling.h"
#include "backends/cpu/kernels/share.h"
#include "graph/graph.h"
#include "passes/primitives.h"

namespace tenon::cpu {
namespace {

PoolingProblem problem_of(const OpCall& call) {
  const PoolingSizes sizes = pooling_sizes(call);
  PoolingProblem problem;
  switch (sizes.type) {
    case PoolingType::max:
      problem.type = PoolingProblem::Type::max;
      break;
    case PoolingType::average:
      problem.type = PoolingProblem::Type::average;
      break;
    case PoolingType::sum:
      problem.type = PoolingProblem::Type::sum;
      break;
    case PoolingType::lp:
      problem.type = PoolingProblem::Type::lp;
      break;
  }
  problem.count_pad = sizes.count_include_pad;
  problem.power = sizes.p_value;
  problem.batch = sizes.batch;
  problem.channels = sizes.channels;
  std::ranges::copy(sizes.window.src, problem.src);
  std::ranges::copy(sizes.window.dst, problem.dst);
  std::ranges::copy(sizes.window.kernel, problem.kernel);
  std::ranges::copy(sizes.window.stride, problem.stride);
  std::ranges::copy(sizes.window.pad_begin, problem.pad);
  problem.row_major_dst = product(sizes.window.dst) == 1;
  return problem;
}

void run(const PoolingProblem& problem, const Epilogue& epilogue, const Operands& operands) {
  const BoundEpilogue bound = bind_epilogue(epilogue, operands, 1);
  const auto pool = machine_isa() == Isa::avx512 ? avx512::pool : avx2::pool;
  const std::int64_t taps = problem.kernel[0] * problem.kernel[1] * problem.kernel[2];
#pragma omp parallel if (problem.rows() * problem.dst[2] * taps >= kWorthWaking)
  for_own_rows(problem.batch, problem.rows() / (problem.dst[0] * problem.dst[1]), problem.dst[0] * problem.dst[1],
               [&](std::int64_t first, std::int64_t last) { pool(problem, operands.src[0], bound, first, last); });
}

Offer offer_pooling(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = kernel_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const MemoryFormat blocks = request.src[0] == kNarrowBlocks ? kNarrowBlocks : kBlocked;
  PoolingProblem problem = problem_of(call);
  problem.narrow_src = blocks == kNarrowBlocks;
  const MemoryFormat results = problem.row_major_dst ? MemoryFormat{} : blocks;
  auto epilogue = make_epilogue(call, call.shape_out()[1], results);
  if (auto* reason = std::get_if<std::string>(&epilogue)) return std::move(*reason);
  StepPlan plan;
  set_formats(call, blocks, results, plan);
  plan.kernel.workspace_bytes = std::get<Epilogue>(epilogue).workspace_bytes();
  plan.kernel.run = [problem, made = std::get<Epilogue>(std::move(epilogue))](const Operands& operands) {
    run(problem, made, operands);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> engine_pooling_implementations() {
  return {{"tenon:pooling", {"pooling"}, offer_pooling}};
}

}  // namespace tenon::cpu
