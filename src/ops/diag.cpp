// Operators on diagonals and triangles of pairs of axes: diag, _np_diag, _np_diagonal, _np_trace, _npi_tril.

#include <algorithm>
#include <cstring>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// What the variants call their attributes, and what they do.
struct Form {
  std::string name, offset;
  bool has_axes, makes_matrices, sums;
};

/// The diagonal a call asks for.
struct Diagonal {
  int row_axis, column_axis;
  std::int64_t k;
};

Diagonal diagonal_of(const Attributes& attributes, const Form& form, int rank) {
  const std::int64_t k = attributes.integer(form.offset);
  if (!form.has_axes) return {0, 1, k};
  return {from_front(attributes.integer("axis1"), rank), from_front(attributes.integer("axis2"), rank), k};
}

/// Elements on the k-th diagonal of a rows x columns matrix.
std::int64_t diagonal_length(std::int64_t rows, std::int64_t columns, std::int64_t k) {
  return std::min(k < 0 ? rows + k : rows, k > 0 ? columns - k : columns);
}

/// The shape without two of its axes.
Shape without(const Shape& shape, int first, int second) {
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis != first && axis != second) dims.push_back(shape[axis]);
  }
  return Shape(std::move(dims));
}

void infer_diag(ShapeInference& shapes, const Form& form) {
  const Shape& src = shapes.in(0);
  if (!src.is_known()) return;
  const std::int64_t k = shapes.attributes().integer(form.offset);
  if (std::abs(k) > std::int64_t{1} << 31) shapes.refuse("{}={} is too far from the main diagonal", form.offset, k);
  if (src.rank() == 1 && form.makes_matrices) {
    const std::int64_t size = src[0] + std::abs(k);
    shapes.set_out(0, {size, size});
    return;
  }
  if (src.rank() < 2) shapes.refuse("the input must have at least two dimensions, but is {}", src.str());
  if (form.has_axes) {
    resolve_axes(shapes, {shapes.attributes().integer("axis1"), shapes.attributes().integer("axis2")}, src.rank());
  }
  const auto [row, column, offset] = diagonal_of(shapes.attributes(), form, src.rank());
  const std::int64_t length = diagonal_length(src[row], src[column], offset);
  if (length < 1 && !shapes.np_shape()) {
    shapes.refuse("axes {} and {} of shape {} have no diagonal {}={}", row, column, src.str(), form.offset, offset);
  }
  const Shape rest = without(src, row, column);
  shapes.set_out(0, form.sums ? rest : joined(rest, {std::max<std::int64_t>(0, length)}));
}

/// Takes a diagonal, which becomes the last axis of dst.
StridedCopy diagonal_copy(const Shape& src, const Diagonal& diagonal) {
  const auto strides = row_major_strides(src);
  const std::int64_t row = strides[static_cast<std::size_t>(diagonal.row_axis)];
  const std::int64_t column = strides[static_cast<std::size_t>(diagonal.column_axis)];
  const std::int64_t length =
      std::max<std::int64_t>(0, diagonal_length(src[diagonal.row_axis], src[diagonal.column_axis], diagonal.k));
  StridedCopy copy;
  copy.src_offset = diagonal.k > 0 ? diagonal.k * column : -diagonal.k * row;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (axis == diagonal.row_axis || axis == diagonal.column_axis) continue;
    copy.axes.push_back({src[axis], strides[static_cast<std::size_t>(axis)], 0});
  }
  copy.axes.push_back({length, row + column, 0});
  std::int64_t dst_stride = 1;
  for (auto axis = copy.axes.rbegin(); axis != copy.axes.rend(); ++axis) {
    axis->dst_stride = dst_stride;
    dst_stride *= axis->extent;
  }
  return copy;
}

/// A matrix with the vector on its k-th diagonal, zero elsewhere.
Kernel matrix_kernel(const OpCall& call, std::int64_t k) {
  return copies_kernel(call, {{-1, 0, fill_copy(call.shape_out().elements())},
                              {0, 0, diagonal_copy(call.shape_out(), {0, 1, k}).inverse()}});
}

/// Sums of diagonals, which are first copied side by side to the workspace.
Kernel trace_kernel(const OpCall& call, const Diagonal& diagonal) {
  const StridedCopy copy = diagonal_copy(call.shape_in(0), diagonal);
  const std::int64_t length = copy.axes.back().extent, count = call.shape_out().elements();
  return dispatch(call.dtype_in(0), [&]<class T>() {
    const auto run = [gather = PreparedCopy(copy, call.dtype_in(0)), length, count](const Operands& operands) {
      const auto* diagonals = reinterpret_cast<const T*>(operands.workspace);
      gather(operands.src[0], operands.workspace);
      for (std::int64_t i = 0; i < count; ++i) {
        arithmetic_t<T> sum{};
        for (std::int64_t j = 0; j < length; ++j)
          sum = static_cast<arithmetic_t<T>>(sum + load(diagonals[i * length + j]));
        operands.out<T>()[i] = store<T>(sum);
      }
    };
    return Kernel{run, static_cast<std::size_t>(count * length) * sizeof(T)};
  });
}

Op diag(const Form& form, std::string doc) {
  Op op;
  op.name = form.name;
  op.doc = std::move(doc);
  op.attributes = {integer(form.offset).or_else(0)};
  if (form.has_axes) {
    op.attributes.push_back(integer("axis1").or_else(0));
    op.attributes.push_back(integer("axis2").or_else(1));
  }
  op.infer_shape = [form](ShapeInference& shapes) { infer_diag(shapes, form); };
  op.reference = [form](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    if (src.rank() == 1) return matrix_kernel(call, call.attributes().integer(form.offset));
    const Diagonal diagonal = diagonal_of(call.attributes(), form, src.rank());
    return form.sums ? trace_kernel(call, diagonal) : copy_kernel(call, diagonal_copy(src, diagonal));
  };
  return op;
}

/// Rows keep their first elements, up to the k-th diagonal; a vector becomes a matrix of equal rows first, as in NumPy.
Op tril() {
  Op op;
  op.name = "_npi_tril";
  op.doc = "Zeros above the k-th diagonal of the last two axes.";
  op.attributes = {integer("k").or_else(0)};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    if (src.rank() < 1) shapes.refuse("the input must have at least one dimension");
    shapes.set_out(0, src.rank() == 1 ? joined(src, src) : src);
  };
  op.reference = [](const OpCall& call) {
    const Shape &src = call.shape_in(0), &dst = call.shape_out();
    const std::int64_t rows = dst[dst.rank() - 2], columns = dst[dst.rank() - 1], count = dst.elements();
    const std::size_t size = size_of(call.dtype_in(0));
    return Kernel{[rows, columns, count, size, period = src.rank() == 1 ? columns : count,
                   k = call.attributes().integer("k")](const Operands& operands) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t row = i / columns % rows, column = i % columns;
        auto* to = operands.out<std::byte>() + static_cast<std::size_t>(i) * size;
        if (column <= row + k) {
          std::memcpy(to, operands.in<std::byte>(0) + static_cast<std::size_t>(i % period) * size, size);
        } else {
          std::memset(to, 0, size);
        }
      }
    }};
  };
  return op;
}

}  // namespace

std::vector<Op> diag_ops() {
  return {
      diag({"diag", "k", true, true, false},
           "The k-th diagonal of axes axis1 and axis2, as the last axis; of a vector, the matrix with that diagonal."),
      diag({"_np_diag", "k", false, true, false}, "The k-th diagonal; of a vector, the matrix with that diagonal."),
      diag({"_np_diagonal", "offset", true, false, false}, "A diagonal of axes axis1 and axis2, as the last axis."),
      diag({"_np_trace", "offset", true, false, true}, "The sum of a diagonal of axes axis1 and axis2."),
      tril(),
  };
}

}  // namespace tenon
