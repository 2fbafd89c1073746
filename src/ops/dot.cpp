// Products of matrices: dot, batch_dot, _linalg_gemm, _linalg_gemm2, _linalg_syrk, khatri_rao.

#include <algorithm>
#include <optional>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/matmul.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// Refuses unequal sizes of the summed axis; unknown ones pass.
void check_inner(const ShapeInference& shapes, std::int64_t left, std::int64_t right) {
  if (left == right || left == Shape::unknown || right == Shape::unknown) return;
  shapes.refuse("the inner sizes differ: {} of shape {} against {} of shape {}", left, shapes.in(0).str(), right,
                shapes.in(1).str());
}

void infer_dot(ShapeInference& shapes) {
  const Shape &lhs = shapes.in(0), &rhs = shapes.in(1);
  if (!lhs.has_rank() || !rhs.has_rank()) return;
  if (lhs.rank() < 1 || rhs.rank() < 1) shapes.refuse("both inputs need at least one dimension");
  const bool transpose_a = shapes.attributes().flag("transpose_a"),
             transpose_b = shapes.attributes().flag("transpose_b");
  if (lhs.rank() == 1 && rhs.rank() == 1 && (transpose_a || transpose_b)) {
    shapes.refuse("vectors {} and {} cannot be transposed", lhs.str(), rhs.str());
  }
  const int last = lhs.rank() - 1, rhs_last = rhs.rank() - 1;
  check_inner(shapes, lhs[transpose_a ? 0 : last], rhs[transpose_b ? rhs_last : 0]);
  const Shape dst = joined(transpose_a ? part(lhs, 1, lhs.rank()) : part(lhs, 0, last),
                           transpose_b ? part(rhs, 0, rhs_last) : part(rhs, 1, rhs.rank()));
  shapes.set_out(0, dst.rank() == 0 && !shapes.np_shape() ? Shape{1} : dst);
}

Op dot() {
  Op op;
  op.name = "dot";
  op.aliases = {"_sparse_dot"};
  op.doc = "Sums over the last axis of lhs (transpose_a: the first) and the first of rhs (transpose_b: the last).";
  op.inputs = always({"lhs", "rhs"});
  op.attributes = {boolean("transpose_a").or_else(false), boolean("transpose_b").or_else(false),
                   choice("forward_stype", {"csr", "default", "row_sparse"}).or_none()};
  op.infer_shape = infer_dot;
  op.reference = [](const OpCall& call) {
    const bool transpose_a = call.attributes().flag("transpose_a"), transpose_b = call.attributes().flag("transpose_b");
    const Shape &lhs = call.shape_in(0), &rhs = call.shape_in(1);
    const std::int64_t inner = lhs[transpose_a ? 0 : lhs.rank() - 1];
    const std::int64_t rows = transpose_a ? lhs.elements(1, lhs.rank()) : lhs.elements(0, lhs.rank() - 1);
    const std::int64_t columns = transpose_b ? rhs.elements(0, rhs.rank() - 1) : rhs.elements(1, rhs.rank());
    return matmul_kernel(call, {{},
                                rows,
                                inner,
                                columns,
                                transpose_a ? dense_view({}, inner, rows, true) : dense_view({}, rows, inner),
                                transpose_b ? dense_view({}, columns, inner, true) : dense_view({}, inner, columns),
                                dense_view({}, rows, columns)});
  };
  return op;
}

/// Where the rows of the matrices in a tensor are; the columns are the last axis, all the others are the batch.
int row_axis(const Attributes& attributes, int rank) {
  return attributes.all().contains("axis") ? from_front(attributes.integer("axis"), rank) : rank - 2;
}

/// Rows and columns of op(X), where X's rows are on `axis`.
struct Sides {
  std::int64_t rows, columns;
};
Sides sides(const Shape& shape, int axis, bool transposed) {
  const std::int64_t rows = shape[axis], columns = shape[shape.rank() - 1];
  return transposed ? Sides{columns, rows} : Sides{rows, columns};
}

void infer_gemm(ShapeInference& shapes, int least_rank) {
  const Shape &a = shapes.in(0), &b = shapes.in(1);
  if (!a.has_rank() || !b.has_rank()) return;
  if (a.rank() < least_rank || a.rank() != b.rank()) {
    shapes.refuse("both inputs need as many dimensions, at least {}, but they are {} and {}", least_rank, a.str(),
                  b.str());
  }
  if (shapes.attributes().all().contains("axis")) {
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), a.rank());
    if (axis == a.rank() - 1) shapes.refuse("axis={} is the axis of the columns", axis);
  }
  const int axis = row_axis(shapes.attributes(), a.rank());
  const Sides left = sides(a, axis, shapes.attributes().flag("transpose_a"));
  const Sides right = sides(b, axis, shapes.attributes().flag("transpose_b"));
  check_inner(shapes, left.columns, right.rows);
  Shape dst = a;
  for (int i = 0; i < a.rank() - 1; ++i) {
    if (i == axis) continue;
    if (dst[i] == Shape::unknown) dst[i] = b[i];
    if (b[i] != Shape::unknown && dst[i] != b[i]) {
      shapes.refuse("the batches differ on axis {}: {} against {}", i, a.str(), b.str());
    }
  }
  dst[axis] = left.rows;
  dst[a.rank() - 1] = right.columns;
  shapes.set_out(0, dst);
  if (shapes.inputs() > 2) shapes.set_in(2, shapes.out());
}

/// A tensor's matrices with rows on `axis`, columns on the last.
MatrixView matrices(const Shape& shape, int axis, bool transposed) {
  const auto strides = row_major_strides(shape);
  MatrixView view{strides[static_cast<std::size_t>(axis)], 1, {}};
  if (transposed) std::swap(view.row, view.column);
  for (int i = 0; i < shape.rank() - 1; ++i) {
    if (i != axis) view.batch.push_back(strides[static_cast<std::size_t>(i)]);
  }
  return view;
}

Kernel gemm_kernel(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const bool transpose_a = attributes.flag("transpose_a"), transpose_b = attributes.flag("transpose_b");
  const Shape& dst = call.shape_out();
  const int axis = row_axis(attributes, dst.rank());
  std::vector<std::int64_t> batch;
  for (int i = 0; i < dst.rank() - 1; ++i) {
    if (i != axis) batch.push_back(dst[i]);
  }
  Matmul matmul{std::move(batch),
                dst[axis],
                sides(call.shape_in(0), axis, transpose_a).columns,
                dst[dst.rank() - 1],
                matrices(call.shape_in(0), axis, transpose_a),
                matrices(call.shape_in(1), axis, transpose_b),
                matrices(dst, axis, false)};
  if (attributes.all().contains("alpha")) matmul.alpha = attributes.real("alpha");
  if (attributes.all().contains("beta")) matmul.beta = attributes.real("beta");
  return matmul_kernel(call, std::move(matmul));
}

/// batch_dot and the two gemms differ in their attributes, and in the input C.
Op gemm(std::string name, std::vector<std::string> aliases, std::string doc, std::vector<std::string> inputs,
        std::vector<AttributeSpec> more, int least_rank) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.inputs = always(std::move(inputs));
  op.attributes = {boolean("transpose_a").or_else(false), boolean("transpose_b").or_else(false)};
  op.attributes.insert(op.attributes.end(), more.begin(), more.end());
  op.infer_shape = [least_rank](ShapeInference& shapes) { infer_gemm(shapes, least_rank); };
  op.reference = gemm_kernel;
  return op;
}

/// a and b as numpy's matmul sees them: vectors made matrices, one axis of which is dropped from the output again.
struct NumpyMatrices {
  Shape a, b, dst;  ///< dst without the dropped axes
  std::int64_t rows, columns;
  std::vector<std::int64_t> batch;
};

/// Batches broadcast; empty where they do not.
std::optional<NumpyMatrices> numpy_matrices(const Shape& a_given, const Shape& b_given) {
  NumpyMatrices m{a_given, b_given, Shape::scalar(), 0, 0, {}};
  if (m.a.rank() == 1) m.a = joined({1}, m.a);
  if (m.b.rank() == 1) m.b = joined(m.b, {1});
  const int a_batch = m.a.rank() - 2, b_batch = m.b.rank() - 2;
  const int batch = std::max(a_batch, b_batch);
  for (int i = 0; i < batch; ++i) {
    const std::int64_t left = i < batch - a_batch ? 1 : m.a[i - (batch - a_batch)];
    const std::int64_t right = i < batch - b_batch ? 1 : m.b[i - (batch - b_batch)];
    if (left != right && left != 1 && right != 1) return {};
    m.batch.push_back(left == 1 ? right : left);
  }
  m.rows = m.a[a_batch];
  m.columns = m.b[b_batch + 1];
  m.dst = Shape(m.batch);
  if (a_given.rank() > 1) m.dst = joined(m.dst, {m.rows});
  if (b_given.rank() > 1) m.dst = joined(m.dst, {m.columns});
  return m;
}

/// The view of an operand whose batch axes of size 1, and missing ones, repeat.
MatrixView broadcast_view(const Shape& shape, const std::vector<std::int64_t>& batch) {
  MatrixView view = matrices(shape, shape.rank() - 2, false);
  for (std::size_t i = 0; i < view.batch.size(); ++i) {
    if (shape[static_cast<int>(i)] == 1) view.batch[i] = 0;
  }
  view.batch.insert(view.batch.begin(), batch.size() - view.batch.size(), 0);
  return view;
}

Op numpy_matmul() {
  Op op;
  op.name = "_npi_matmul";
  op.outputs = always({"out"});
  op.doc = "Matrix products with broadcast batches; a vector is a row on the left and a column on the right.";
  op.inputs = always({"a", "b"});
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape &a = shapes.in(0), &b = shapes.in(1);
    if (!a.is_known() || !b.is_known()) return;
    if (a.rank() < 1 || b.rank() < 1) shapes.refuse("scalars cannot be multiplied as matrices");
    check_inner(shapes, a[a.rank() - 1], b[std::max(0, b.rank() - 2)]);
    const auto both = numpy_matrices(a, b);
    if (!both) shapes.refuse("the batches of {} and {} do not broadcast", a.str(), b.str());
    shapes.set_out(0, both->dst);
  };
  op.reference = [](const OpCall& call) {
    const auto m = *numpy_matrices(call.shape_in(0), call.shape_in(1));
    return matmul_kernel(call, {m.batch, m.rows, m.a[m.a.rank() - 1], m.columns, broadcast_view(m.a, m.batch),
                                broadcast_view(m.b, m.batch), dense_view(m.batch, m.rows, m.columns)});
  };
  return op;
}

Op numpy_dot() {
  Op op;
  op.name = "_np_dot";
  op.doc = "Sums over the last axis of a and the last but one of b; a scalar multiplies.";
  op.inputs = always({"a", "b"});
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape &a = shapes.in(0), &b = shapes.in(1);
    if (!a.is_known() || !b.is_known()) return;
    if (a.rank() == 0 || b.rank() == 0) return shapes.set_out(0, joined(a, b));
    const int inner = std::max(0, b.rank() - 2);
    check_inner(shapes, a[a.rank() - 1], b[inner]);
    shapes.set_out(0, joined(part(a, 0, a.rank() - 1), joined(part(b, 0, inner), part(b, inner + 1, b.rank()))));
  };
  op.reference = [](const OpCall& call) {
    const Shape &a = call.shape_in(0), &b = call.shape_in(1);
    if (a.rank() == 0 || b.rank() == 0) {
      const std::int64_t rows = a.elements(), columns = b.elements();
      return matmul_kernel(
          call,
          {{}, rows, 1, columns, dense_view({}, rows, 1), dense_view({}, 1, columns), dense_view({}, rows, columns)});
    }
    const std::int64_t inner = a[a.rank() - 1], rows = a.elements(0, a.rank() - 1);
    const int axis = std::max(0, b.rank() - 2);
    const std::int64_t outer = b.elements(0, axis), columns = b.elements(axis + 1, b.rank());
    return matmul_kernel(call, {{outer},
                                rows,
                                inner,
                                columns,
                                {inner, 1, {0}},
                                dense_view({outer}, inner, columns),
                                {outer * columns, 1, {columns}}});
  };
  return op;
}

Op syrk() {
  Op op;
  op.name = "_linalg_syrk";
  op.aliases = {"linalg_syrk"};
  op.doc = "alpha A Aᵀ, with transpose alpha Aᵀ A.";
  op.inputs = always({"A"});
  op.attributes = {boolean("transpose").or_else(false), real("alpha").or_else(1.0)};
  op.infer_shape = [](ShapeInference& shapes) {
    Shape dst = shapes.in(0);
    if (!dst.has_rank()) return;
    if (dst.rank() < 2) shapes.refuse("the input must be a matrix or a batch of them, but is {}", dst.str());
    const std::int64_t size = sides(dst, dst.rank() - 2, shapes.attributes().flag("transpose")).rows;
    dst[dst.rank() - 2] = dst[dst.rank() - 1] = size;
    shapes.set_out(0, dst);
  };
  op.reference = [](const OpCall& call) {
    const Shape &src = call.shape_in(0), &dst = call.shape_out();
    const int axis = src.rank() - 2;
    const bool transpose = call.attributes().flag("transpose");
    Matmul matmul{{src.begin(), src.begin() + axis},   dst[axis],
                  sides(src, axis, transpose).columns, dst[axis],
                  matrices(src, axis, transpose),      matrices(src, axis, !transpose),
                  matrices(dst, axis, false)};
    matmul.alpha = call.attributes().real("alpha");
    return matmul_kernel(call, std::move(matmul), 0, 0);
  };
  return op;
}

/// A loop over each input's rows, and one over the columns.
ContractionForm khatri_rao_form(const std::vector<std::int64_t>& rows, std::int64_t columns) {
  ContractionForm form;
  std::int64_t dst = columns;
  for (std::size_t input = rows.size(); input-- > 0;) {
    ContractionForm::Loop loop{rows[input], std::vector<std::int64_t>(rows.size(), 0), dst};
    loop.src[input] = columns;
    form.loops.insert(form.loops.begin(), std::move(loop));
    dst *= rows[input];
  }
  form.loops.push_back({columns, std::vector<std::int64_t>(rows.size(), 1), 1});
  form.kept = form.loops.size();
  return form;
}

Op khatri_rao() {
  Op op;
  op.name = "khatri_rao";
  op.doc = "Column by column the Kronecker product of the inputs' columns.";
  op.inputs = counted();
  op.attributes = {integer("num_args").at_least(1)};
  op.infer_shape = [](ShapeInference& shapes) {
    std::int64_t rows = 1, columns = Shape::unknown;
    for (int i = 0; i < shapes.inputs(); ++i) {
      const Shape& src = shapes.in(i);
      if (!src.has_rank()) return;
      if (src.rank() != 2) shapes.refuse("input {} must be a matrix, but is {}", i, src.str());
      if (columns == Shape::unknown) columns = src[1];
      rows = src[0] == Shape::unknown || rows == Shape::unknown ? Shape::unknown : Shape{rows, src[0]}.elements();
    }
    for (int i = 0; i < shapes.inputs(); ++i) shapes.set_in(i, {Shape::unknown, columns});
    shapes.set_out(0, {rows, columns});
  };
  op.reference = [](const OpCall& call) {
    std::vector<std::int64_t> rows;
    for (const TensorType& input : call.inputs) rows.push_back(input.shape[0]);
    const auto form = std::make_shared<KernelForm>(KernelForm{khatri_rao_form(rows, call.shape_out()[1])});
    return dispatch_float(call.dtype_out(), call.node.op_name(), [&]<class T>() {
      const auto run = [rows, columns = call.shape_out()[1],
                        count = call.shape_out().elements()](const Operands& operands) {
        for (std::int64_t i = 0; i < count; ++i) {
          arithmetic_t<T> product = 1;
          std::int64_t row = i / columns;
          for (std::size_t input = rows.size(); input-- > 0;) {
            product *= load(static_cast<const T*>(operands.src[input])[row % rows[input] * columns + i % columns]);
            row /= rows[input];
          }
          operands.out<T>()[i] = store<T>(product);
        }
      };
      return Kernel{run, 0, form};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> dot_ops() {
  const AttributeSpec alpha = real("alpha").or_else(1.0), beta = real("beta").or_else(1.0),
                      axis = integer("axis").or_else(-2);
  return {
      dot(),
      gemm("batch_dot", {"_npx_batch_dot"}, "One matrix product for each index of the leading axes.", {"lhs", "rhs"},
           {choice("forward_stype", {"csr", "default", "row_sparse"}).or_none()}, 3),
      gemm("_linalg_gemm", {"linalg_gemm"}, "alpha op(A) op(B) + beta C; the matrices' rows are on `axis`.",
           {"A", "B", "C"}, {alpha, beta, axis}, 2),
      gemm("_linalg_gemm2", {"linalg_gemm2"}, "alpha op(A) op(B); the matrices' rows are on `axis`.", {"A", "B"},
           {alpha, axis}, 2),
      syrk(),
      khatri_rao(),
      numpy_matmul(),
      numpy_dot(),
  };
}

}  // namespace tenon
