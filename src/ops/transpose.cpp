// Operators that move whole axes: transpose, SwapAxis, _np_moveaxis, depth_to_space, space_to_depth.

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

/// axes=None or () reverses; negative axes count from the end.
std::vector<int> numpy_transposed_axes(const Attributes& attributes, int rank) {
  std::vector<int> axes;
  if (attributes.has("axes")) {
    for (const std::int64_t axis : attributes.ints("axes")) axes.push_back(from_front(axis, rank));
  }
  if (!axes.empty()) return axes;
  axes = identity(rank);
  return std::vector<int>(axes.rbegin(), axes.rend());
}

/// The axes of `source` go to the places of `destination`; the others keep their order.
std::vector<int> moved_axes(const Attributes& attributes, int rank) {
  const auto source = attributes.ints("source"), destination = attributes.ints("destination");
  std::vector<int> axes(static_cast<std::size_t>(rank), -1);
  auto rest = identity(rank);
  for (std::size_t i = 0; i < source.size(); ++i) {
    axes[static_cast<std::size_t>(from_front(destination[i], rank))] = from_front(source[i], rank);
    std::erase(rest, from_front(source[i], rank));
  }
  auto next = rest.begin();
  for (int& axis : axes) axis = axis < 0 ? *next++ : axis;
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

void infer_numpy_transpose(ShapeInference& shapes) {
  const int rank = known_rank(shapes);
  if (rank < 0) return;
  if (shapes.attributes().has("axes")) {
    const auto given = shapes.attributes().ints("axes");
    if (!given.empty() && std::ssize(resolve_axes(shapes, given, rank)) != rank) {
      shapes.refuse("axes=({}) must name each of the {} axes of the input once", fmt::join(given, ","), rank);
    }
  }
  permute_axes(shapes, numpy_transposed_axes(shapes.attributes(), rank));
}

void infer_moveaxis(ShapeInference& shapes) {
  const int rank = known_rank(shapes);
  if (rank < 0) return;
  const auto source = resolve_axes(shapes, shapes.attributes().ints("source"), rank);
  const auto destination = resolve_axes(shapes, shapes.attributes().ints("destination"), rank);
  if (source.size() != destination.size()) {
    shapes.refuse("source has {} items, but destination has {}", source.size(), destination.size());
  }
  permute_axes(shapes, moved_axes(shapes.attributes(), rank));
}

void infer_swap(ShapeInference& shapes) {
  const int rank = known_rank(shapes);
  if (rank < 0) return;
  resolve_axis(shapes, shapes.attributes().integer("dim1"), rank);
  resolve_axis(shapes, shapes.attributes().integer("dim2"), rank);
  permute_axes(shapes, swapped_axes(shapes.attributes(), rank));
}

Op permuting(std::string name, std::string doc, std::vector<AttributeSpec> attributes,
             void (*infer_shape)(ShapeInference&), Permutation permutation, std::string input = "data") {
  Op op;
  op.name = std::move(name);
  op.inputs = always({std::move(input)});
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

}  // namespace

std::vector<Op> transpose_ops() {
  Op numpy_transpose = permuting("_np_transpose", "Axes in the given order, or reversed.", {ints("axes").or_none()},
                                 infer_numpy_transpose, numpy_transposed_axes, "a");
  Op swap = permuting("SwapAxis", "Two axes exchanged.", {integer("dim1").or_else(0), integer("dim2").or_else(0)},
                      infer_swap, swapped_axes);
  swap.aliases = {"swapaxes", "_npi_swapaxes"};
  return {
      permuting("transpose", "Axes in the given order, or reversed.", {ints("axes").or_else(IntTuple{})},
                infer_transpose, transposed_axes),
      std::move(swap),
      std::move(numpy_transpose),
      permuting("_np_moveaxis", "Some axes moved to other places; the rest keep their order.",
                {ints("source"), ints("destination")}, infer_moveaxis, moved_axes, "a"),
      block_op("depth_to_space", "Blocks of channels become blocks of pixels; block rows are outermost.", true),
      block_op("space_to_depth", "Blocks of pixels become channels; the inverse of depth_to_space.", false),
  };
}

}  // namespace tenon
