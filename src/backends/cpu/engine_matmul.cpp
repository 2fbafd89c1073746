// Matrix products by a packed weight; one that is computed is packed at every run.

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/matmul.h"
#include "backends/cpu/kernels/share.h"
#include "graph/graph.h"
#include "passes/primitives.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kGroupRows = 112;  // rows that share a portion of the weight in the cache

struct Matmul {
  MatmulProblem problem;
  Epilogue epilogue;
  std::shared_ptr<const Tensor> packed;  // null where the weight is computed

  DType weight_type() const { return problem.narrow_weight ? DType::bfloat16 : DType::float32; }
  std::size_t packed_bytes() const {
    return static_cast<std::size_t>(problem.packed_elements()) * size_of(weight_type());
  }

  void run(const Operands& operands) const {
    const std::size_t weight_bytes = packed ? 0 : (packed_bytes() + 63) / 64 * 64;
    if (!packed) pack_weight(problem, operands.in<float>(1), operands.workspace);
    run_matmul(problem, operands.in<float>(0), packed ? packed->data() : operands.workspace,
               bind_epilogue(epilogue, operands, 2, weight_bytes));
  }
};

Offer offer_matmul(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = kernel_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  auto epilogue = make_epilogue(call, call.shape_out()[call.shape_out().rank() - 1], {});
  if (auto* reason = std::get_if<std::string>(&epilogue)) return std::move(*reason);
  const MatmulSizes sizes = matmul_sizes(call);
  const bool narrow = precision_of(call.node) == Precision::bf16;
  Matmul matmul{
      {sizes.rows, sizes.inner, sizes.columns, sizes.inner, narrow}, std::get<Epilogue>(std::move(epilogue)), {}};

  StepPlan plan;
  set_formats(call, {}, {}, plan);
  plan.kernel.workspace_bytes = matmul.epilogue.workspace_bytes();
  if (const Tensor* weight = request.constant[1]) {
    matmul.packed = request.parameters.derive(
        *weight, narrow ? "matmul panels, bfloat16" : "matmul panels",
        {Shape{matmul.problem.packed_elements()}, matmul.weight_type()},
        [&](Tensor& packed) { pack_weight(matmul.problem, weight->data<float>(), packed.mutable_data()); });
    plan.packed = {matmul.packed};
    plan.absorbed = {1};
  } else {
    plan.kernel.workspace_bytes += (matmul.packed_bytes() + 63) / 64 * 64;
  }
  plan.kernel.run = [matmul = std::move(matmul)](const Operands& operands) { matmul.run(operands); };
  return plan;
}

}  // namespace

void pack_weight(const MatmulProblem& problem, const float* weight, void* packed) {
#pragma omp parallel if (problem.packed_elements() >= kWorthWaking)
  {
    const Share share = share_of(problem.panels());
    pack_matmul_weight(problem, weight, problem.inner, 1, packed, share.first, share.last);
  }
}

/// Groups of rows by panels, shared out in this order, so that a thread stays with its rows.
void run_matmul(const MatmulProblem& problem, const float* src, const void* packed, const BoundEpilogue& epilogue) {
  const auto matmul = machine_isa() == Isa::avx512 ? avx512::matmul : avx2::matmul;
  const std::int64_t groups = ceil_div(problem.rows, kGroupRows), panels = problem.panels();
#pragma omp parallel if (problem.rows * problem.packed_elements() >= 4 * kWorthWaking)
  {
    const Share share = share_of(groups * panels);
    for (std::int64_t at = share.first; at < share.last;) {
      const std::int64_t group = at / panels, panel = at % panels;
      const std::int64_t end = std::min(panels, panel + share.last - at);
      matmul(problem, src, packed, epilogue, problem.rows * group / groups, problem.rows * (group + 1) / groups, panel,
             end);
      at += end - panel;
    }
  }
}

std::vector<Implementation> engine_matmul_implementations() {
  return {{"tenon:matmul", {"matmul"}, offer_matmul}};
}

}  // namespace tenon::cpu
