// Batches of matrix products, told as data by their reference: batch_dot, dot, the gemms. The right matrices are packed
// first, once for all where they are constant; left ones that are transposed are copied.

#include <algorithm>

#include <fmt/ranges.h>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/matmul.h"
#include "backends/cpu/kernels/share.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kGroupRows = 112;  // rows that share a portion of the weight in the cache

class Product {
 public:
  explicit Product(const ProductForm& form) : form_(form) {
    const Matmul& m = form.matmul;
    for (const std::int64_t size : m.batch) matrices_ *= size;
    problem_ = {m.rows, m.inner, m.columns, m.a.column == 1 ? m.a.row : m.inner};
    Expressions expressions{source()};
    if (m.alpha != 1) expressions = {call("mul", {source(), constant(static_cast<float>(m.alpha))})};
    epilogue_ = std::make_shared<const Epilogue>(expressions, std::vector<EpilogueOperand>{},
                                                 std::vector<DType>{DType::float32}, m.columns);
  }

  std::int64_t packed_elements() const { return right_matrices() * problem_.packed_elements(); }

  std::size_t workspace_bytes() const {
    const std::int64_t floats = (packed_ ? 0 : packed_elements()) + (copies_left() ? matrices_ * left_elements() : 0);
    return static_cast<std::size_t>(floats) * sizeof(float) + epilogue_->workspace_bytes();
  }

  void keep(std::shared_ptr<const Tensor> packed) { packed_ = std::move(packed); }

  void pack_right(const float* b, float* packed) const {
    const Matmul& m = form_.matmul;
#pragma omp parallel if (packed_elements() >= kWorthWaking)
    {
      const Share share = share_of(right_matrices() * problem_.panels());
      for (std::int64_t at = share.first; at < share.last; ++at) {
        const std::int64_t matrix = at / problem_.panels(), panel = at % problem_.panels();
        pack_matmul_weight(problem_, b + begin(m.b, matrix), m.b.column, m.b.row,
                           packed + matrix * problem_.packed_elements(), panel, panel + 1);
      }
    }
  }

  void run(const Operands& operands) const {
    float* memory = reinterpret_cast<float*>(operands.workspace);
    const auto* packed = packed_ ? packed_->data<float>() : memory;
    if (!packed_) {
      pack_right(operands.in<float>(form_.b), memory);
      memory += packed_elements();
    }
    const float* left = operands.in<float>(form_.a);
    if (copies_left()) {
      copy_left(left, memory);
      left = memory;
      memory += matrices_ * left_elements();
    }
    multiply(left, packed, operands, reinterpret_cast<std::byte*>(memory));
  }

 private:
  bool copies_left() const {
    return form_.matmul.a.column != 1;
  }
  std::int64_t left_elements() const {
    return problem_.rows * problem_.inner;
  }
  /// One where all products share it.
  std::int64_t right_matrices() const {
    const auto& strides = form_.matmul.b.batch;
    return std::ranges::all_of(strides, [](std::int64_t stride) { return stride == 0; }) ? 1 : matrices_;
  }

  std::int64_t begin(const MatrixView& view, std::int64_t matrix) const {
    std::int64_t at = view.offset;
    for (std::size_t axis = form_.matmul.batch.size(); axis-- > 0;) {
      at += matrix % form_.matmul.batch[axis] * view.batch[axis];
      matrix /= form_.matmul.batch[axis];
    }
    return at;
  }

  void copy_left(const float* a, float* copy) const {
    const Matmul& m = form_.matmul;
#pragma omp parallel if (matrices_ * left_elements() >= kWorthWaking)
    {
      const Share share = share_of(matrices_ * m.rows);
      for (std::int64_t at = share.first; at < share.last; ++at) {
        const float* from = a + begin(m.a, at / m.rows) + at % m.rows * m.a.row;
        for (std::int64_t i = 0; i < m.inner; ++i) copy[at * m.inner + i] = from[i * m.a.column];
      }
    }
  }

  void multiply(const float* left, const float* packed, const Operands& operands, std::byte* workspace) const {
    const Matmul& m = form_.matmul;
    const auto matmul = machine_isa() == Isa::avx512 ? avx512::matmul : avx2::matmul;
    const BoundEpilogue whole = epilogue_->bind({}, operands.dst, workspace);
    const std::int64_t groups = ceil_div(m.rows, kGroupRows), panels = problem_.panels();
#pragma omp parallel if (matrices_ * m.rows * problem_.packed_elements() >= 4 * kWorthWaking)
    {
      const Share share = share_of(matrices_ * groups * panels);
      BoundEpilogue bound = whole;
      for (std::int64_t at = share.first; at < share.last; ++at) {
        const std::int64_t panel = at % panels, group = at / panels % groups, matrix = at / panels / groups;
        bound.dst[0] = static_cast<float*>(whole.dst[0]) + begin(m.c, matrix);
        matmul(problem_, left + (copies_left() ? matrix * left_elements() : begin(m.a, matrix)),
               packed + (right_matrices() == 1 ? 0 : matrix) * problem_.packed_elements(), bound,
               m.rows * group / groups, m.rows * (group + 1) / groups, panel, panel + 1);
      }
    }
  }

  ProductForm form_;
  std::int64_t matrices_ = 1;
  MatmulProblem problem_;
  std::shared_ptr<const Epilogue> epilogue_;
  std::shared_ptr<const Tensor> packed_;  // null where the right matrices are computed
};

Offer offer_product(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = kernel_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Kernel reference = call.node.op->reference(call);
  const auto* form = reference.form ? std::get_if<ProductForm>(&reference.form->what) : nullptr;
  conditions.require(form != nullptr, "{} is no matrix product here", call.node.op_name());
  if (conditions.refuse()) return conditions.reason();
  const Matmul& m = form->matmul;
  conditions.require(m.beta == 0, "beta={} adds another matrix", m.beta);
  conditions.require(m.c.column == 1 && m.c.row == m.columns, "the rows of the product do not lie together");
  if (conditions.refuse()) return conditions.reason();

  Product product(*form);
  StepPlan plan;
  const auto right = static_cast<std::size_t>(form->b);
  if (const Tensor* b = request.constant[right]) {
    const std::string kind = fmt::format("panels of {} at {}, {}", fmt::join(m.b.batch, ","), m.b.row, m.b.column);
    const auto packed = request.parameters.derive(
        *b, kind, {Shape{product.packed_elements()}, DType::float32},
        [&](Tensor& made) { product.pack_right(b->data<float>(), made.mutable_data<float>()); });
    product.keep(packed);
    plan.packed = {packed};
    plan.absorbed = {form->b};
  }
  plan.kernel.workspace_bytes = product.workspace_bytes();
  plan.kernel.run = [product](const Operands& operands) { product.run(operands); };
  return plan;
}

}  // namespace

std::vector<Implementation> engine_product_implementations() {
  return {{"tenon:product",
           {"batch_dot", "dot", "_linalg_gemm", "_linalg_gemm2", "_npi_matmul", "_np_dot"},
           offer_product}};
}

}  // namespace tenon::cpu
