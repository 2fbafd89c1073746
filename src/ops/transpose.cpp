// Operators that move whole axes: transpose, SwapAxis, depth_to_space, space_to_depth, reverse, diag.

#include <numeric>

#include <fmt/ranges.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// The permutation a call applies, given the rank.
using Permutation = std::vector<int> (*)(const Attributes&, int rank);

std::vector<int> identity(int rank) {
  std::vector<int> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

std::vector<int> transposed_axes(const Attributes& attributes, int rank) {
  const auto given = attributes.ints("axes");
  if (!given.empty()) return std::vector<int>(given.begin(), given.end());
  const auto axes = identity(rank);
  return std::vector<int>(axes.rbegin(), axes.rend());
}

std::vector<int> swapped_axes(const Attributes& attributes, int rank) {
  auto axes = identity(rank);
  std::swap(axes[static_cast<std::size_t>(from_front(attributes.integer("dim1"), rank))],
            axes[static_cast<std::size_t>(from_front(attributes.integer("dim2"), rank))]);
  return axes;
}

int known_rank(const ShapeInference& shapes) {
  return shapes.in(0).has_rank() ? shapes.in(0).rank() : shapes.out().rank();
}

void infer_transpose(ShapeInference& shapes) {
  const int rank = known_rank(shapes);
  if (rank < 0) return;
  const auto given = shapes.attributes().ints("axes");
  if (!given.empty()) {
    if (std::ssize(given) != rank) {
      shapes.refuse("axes=({}) must name each of the {} axes of the input once", fmt::join(given, ","), rank);
    }
    for (const std::int64_t axis : given) {
      if (axis < 0) shapes.refuse("axes=({}) may not be negative", fmt::join(given, ","));
    }
    resolve_axes(shapes, given, rank);
  }
  permute_axes(shapes, transposed_axes(shapes.attributes(), rank));
}

void infer_swap(ShapeInference& shapes) {
  const int rank = known_rank(shapes);
  if (rank < 0) return;
  resolve_axis(shapes, shapes.attributes().integer("dim1"), rank);
  resolve_axis(shapes, shapes.attributes().integer("dim2"), rank);
  permute_axes(shapes, swapped_axes(shapes.attributes(), rank));
}

Op permuting(std::string name, std::string doc, std::vector<AttributeSpec> attributes,
             void (*infer_shape)(ShapeInference&), Permutation permutation) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.attributes = std::move(attributes);
  op.infer_shape = infer_shape;
  op.reference = [permutation](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    return copy_kernel(call, transpose_copy(src, permutation(call.attributes(), src.rank())));
  };
  return op;
}

/// What depth_to_space (to_space) and space_to_depth do to the sizes.
void infer_blocks(ShapeInference& shapes, bool to_space) {
  const std::int64_t block = shapes.attributes().integer("block_size");
  const Shape& src = shapes.in(0);
  if (!src.has_rank()) return;
  if (src.rank() != 4)
    shapes.refuse("the input must have 4 dimensions (batch, channel, height, width), but is {}", src.str());
  const auto divided = [&](int axis, std::int64_t divisor) {
    if (src[axis] == Shape::unknown) return Shape::unknown;
    if (src[axis] % divisor != 0) {
      shapes.refuse("axis {} of input {} must be a multiple of {}", axis, src.str(), divisor);
    }
    return src[axis] / divisor;
  };
  const auto times = [&](int axis, std::int64_t factor) {
    return src[axis] == Shape::unknown ? Shape::unknown : Shape{src[axis], factor}.elements();
  };
  const std::int64_t area = block * block;
  if (to_space) {
    shapes.set_out(0, {src[0], divided(1, area), times(2, block), times(3, block)});
  } else {
    shapes.set_out(0, {src[0], times(1, area), divided(2, block), divided(3, block)});
  }
}

Op block_op(std::string name, std::string doc, bool to_space) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.attributes = {integer("block_size").at_least(1).at_most(1 << 15)};
  op.infer_shape = [to_space](ShapeInference& shapes) { infer_blocks(shapes, to_space); };
  op.reference = [to_space](const OpCall& call) {
    const std::int64_t block = call.attributes().integer("block_size");
    const Shape& src = call.shape_in(0);
    // Both are transposes of a 6-d view: the channels hold block rows, then block columns, then what stays channels.
    if (to_space) {
      const Shape view{src[0], block, block, src[1] / (block * block), src[2], src[3]};
      return copy_kernel(call, transpose_copy(view, {0, 3, 4, 1, 5, 2}));
    }
    const Shape view{src[0], src[1], src[2] / block, block, src[3] / block, block};
    return copy_kernel(call, transpose_copy(view, {0, 3, 5, 1, 2, 4}));
  };
  return op;
}

Op reverse() {
  Op op;
  op.name = "reverse";
  op.aliases = {"flip"};
  op.doc = "The elements in opposite order along the given axes.";
  op.attributes = {ints("axis")};
  op.infer_shape = [](ShapeInference& shapes) {
    same_shape(shapes);
    if (!shapes.in(0).has_rank()) return;
    const auto axes = shapes.attributes().ints("axis");
    for (const std::int64_t axis : axes) {
      if (axis < 0) shapes.refuse("axis=({}) may not be negative", fmt::join(axes, ","));
    }
    resolve_axes(shapes, axes, shapes.in(0).rank());
  };
  op.reference = [](const OpCall& call) {
    StridedCopy copy = transpose_copy(call.shape_in(0), identity(call.shape_in(0).rank()));
    for (const std::int64_t axis : call.attributes().ints("axis")) {
      auto& [extent, src_stride, dst_stride] = copy.axes[static_cast<std::size_t>(axis)];
      if (extent > 0) copy.src_offset += (extent - 1) * src_stride;
      src_stride = -src_stride;
    }
    return copy_kernel(call, copy);
  };
  return op;
}

/// Elements on the k-th diagonal of a rows x columns matrix.
std::int64_t diagonal_length(std::int64_t rows, std::int64_t columns, std::int64_t k) {
  return std::min(k < 0 ? rows + k : rows, k > 0 ? columns - k : columns);
}

void infer_diag(ShapeInference& shapes) {
  const Shape& src = shapes.in(0);
  if (!src.is_known()) return;
  const std::int64_t k = shapes.attributes().integer("k");
  if (std::abs(k) > std::int64_t{1} << 31) shapes.refuse("k={} is too far from the main diagonal", k);
  if (src.rank() == 1) {
    const std::int64_t size = src[0] + std::abs(k);
    shapes.set_out(0, {size, size});
    return;
  }
  const auto axes =
      resolve_axes(shapes, {shapes.attributes().integer("axis1"), shapes.attributes().integer("axis2")}, src.rank());
  const std::int64_t length = diagonal_length(src[axes[0]], src[axes[1]], k);
  if (length < (shapes.np_shape() ? 0 : 1)) {
    shapes.refuse("axes {} and {} of shape {} have no diagonal k={}", axes[0], axes[1], src.str(), k);
  }
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (axis != axes[0] && axis != axes[1]) dims.push_back(src[axis]);
  }
  dims.push_back(length);
  shapes.set_out(0, Shape(dims));
}

/// Takes the k-th diagonal of axes axis1 and axis2, which becomes the last axis.
StridedCopy diagonal_copy(const Shape& src, int axis1, int axis2, std::int64_t k, const Shape& dst) {
  const auto src_strides = row_major_strides(src);
  const auto dst_strides = row_major_strides(dst);
  const std::int64_t row = src_strides[static_cast<std::size_t>(axis1)];
  const std::int64_t column = src_strides[static_cast<std::size_t>(axis2)];
  StridedCopy copy;
  copy.src_offset = k > 0 ? k * column : -k * row;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (axis == axis1 || axis == axis2) continue;
    copy.axes.push_back({src[axis], src_strides[static_cast<std::size_t>(axis)], dst_strides[copy.axes.size()]});
  }
  copy.axes.push_back({dst[dst.rank() - 1], row + column, 1});
  return copy;
}

Op diag() {
  Op op;
  op.name = "diag";
  op.doc = "The k-th diagonal of axes axis1 and axis2, as the last axis; of a vector, the matrix with that diagonal.";
  op.attributes = {integer("k").or_else(0), integer("axis1").or_else(0), integer("axis2").or_else(1)};
  op.infer_shape = infer_diag;
  op.reference = [](const OpCall& call) {
    const Shape &src = call.shape_in(0), &dst = call.shape_out();
    const std::int64_t k = call.attributes().integer("k");
    if (src.rank() > 1) {
      return copy_kernel(call, diagonal_copy(src, from_front(call.attributes().integer("axis1"), src.rank()),
                                             from_front(call.attributes().integer("axis2"), src.rank()), k, dst));
    }
    const PreparedCopy place(diagonal_copy(dst, 0, 1, k, src).inverse(), call.dtype_in(0));
    return Kernel{[place, bytes = static_cast<std::size_t>(dst.elements()) *
                                  size_of(call.dtype_out())](const Operands& operands) {
      std::fill_n(operands.out<std::byte>(), bytes, std::byte{0});
      place(operands.src[0], operands.dst[0]);
    }};
  };
  return op;
}

}  // namespace

std::vector<Op> transpose_ops() {
  Op swap = permuting("SwapAxis", "Two axes exchanged.", {integer("dim1").or_else(0), integer("dim2").or_else(0)},
                      infer_swap, swapped_axes);
  swap.aliases = {"swapaxes", "_npi_swapaxes"};
  return {
      permuting("transpose", "Axes in the given order, or reversed.", {ints("axes").or_else(IntTuple{})},
                infer_transpose, transposed_axes),
      std::move(swap),
      block_op("depth_to_space", "Blocks of channels become blocks of pixels; block rows are outermost.", true),
      block_op("space_to_depth", "Blocks of pixels become channels; the inverse of depth_to_space.", false),
      reverse(),
      diag(),
  };
}

}  // namespace tenon
