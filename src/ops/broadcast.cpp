// Operators that repeat elements: tile, repeat, broadcast_to, broadcast_axis, broadcast_like.

#include <algorithm>

#include <fmt/ranges.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

std::int64_t times(std::int64_t dim, std::int64_t factor) {
  return dim == Shape::unknown ? Shape::unknown : Shape{dim, factor}.elements();
}

/// A shape with leading axes of size 1 up to a rank.
Shape padded(const Shape& shape, int rank) {
  return joined(Shape(std::vector<std::int64_t>(static_cast<std::size_t>(std::max(0, rank - shape.rank())), 1)), shape);
}

Op tile() {
  Op op;
  op.name = "tile";
  op.aliases = {"_npi_tile"};
  op.doc = "The whole tensor repeated reps[i] times along axis i; the shorter of shape and reps gets leading ones.";
  op.attributes = {ints("reps")};
  op.infer_shape = [](ShapeInference& shapes) {
    if (!shapes.in(0).has_rank()) return;
    const Shape given(shapes.attributes().ints("reps"));
    for (const std::int64_t count : given) {
      if (count < (shapes.np_shape() ? 0 : 1)) shapes.refuse("reps={} must be positive", given.str());
    }
    const int rank = std::max(shapes.in(0).rank(), given.rank());
    const Shape reps = padded(given, rank);
    Shape dst = padded(shapes.in(0), rank);
    for (int axis = 0; axis < rank; ++axis) dst[axis] = times(dst[axis], reps[axis]);
    shapes.set_out(0, dst);
  };
  op.reference = [](const OpCall& call) {
    const int rank = call.shape_out().rank();
    const Shape src = padded(call.shape_in(0), rank), reps = padded(Shape(call.attributes().ints("reps")), rank);
    const auto src_strides = row_major_strides(src), dst_strides = row_major_strides(call.shape_out());
    StridedCopy copy;
    for (int axis = 0; axis < rank; ++axis) {
      const auto i = static_cast<std::size_t>(axis);
      copy.axes.push_back({reps[axis], 0, src[axis] * dst_strides[i]});
      copy.axes.push_back({src[axis], src_strides[i], dst_strides[i]});
    }
    return copy_kernel(call, copy);
  };
  return op;
}

Op repeat() {
  Op op;
  op.name = "repeat";
  op.aliases = {"_np_repeat"};
  op.doc = "Each element (each slice of the axis) repeated in place; without an axis the input is flattened first.";
  op.attributes = {integer("repeats").at_least(1), integer("axis").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    const std::int64_t repeats = shapes.attributes().integer("repeats");
    Shape dst = shapes.in(0);
    if (shapes.attributes().has("axis")) {
      if (!dst.has_rank()) return;
      const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), dst.rank());
      dst[axis] = times(dst[axis], repeats);
      shapes.set_out(0, dst);
    } else if (dst.is_known()) {
      shapes.set_out(0, {times(dst.elements(), repeats)});
    }
  };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    const std::int64_t repeats = call.attributes().integer("repeats");
    const bool flat = !call.attributes().has("axis");
    const int behind = flat ? src.rank() : from_front(call.attributes().integer("axis"), src.rank()) + 1;
    const std::int64_t outer = src.elements(0, behind), inner = src.elements(behind, src.rank());
    return copy_kernel(call, {{{outer, inner, repeats * inner}, {repeats, 0, inner}, {inner, 1, 1}}});
  };
  return op;
}

Op broadcasting(std::string name, std::string doc) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.reference = [](const OpCall& call) {
    return copy_kernel(call, broadcast_copy(call.shape_in(0), call.shape_out()));
  };
  return op;
}

/// The output is the input with some axes of size 1 grown to `target`.
void infer_broadcast(ShapeInference& shapes, const Shape& target) {
  const Shape& src = shapes.in(0);
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (src[axis] == Shape::unknown || target[axis] == Shape::unknown) continue;
    if (src[axis] != target[axis] && src[axis] != 1) {
      shapes.refuse("shape {} cannot be broadcast to {}: axis {} has size {}, not 1", src.str(), target.str(), axis,
                    src[axis]);
    }
  }
  shapes.set_out(0, target);
}

Op broadcast_to() {
  Op op = broadcasting("broadcast_to", "Axes of size 1 grown to `shape`; 0 there keeps the input's size.");
  op.attributes = {ints("shape").or_else(IntTuple{})};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    Shape target(shapes.attributes().ints("shape"));
    if (target.rank() != src.rank()) {
      shapes.refuse("shape={} must have as many dimensions as the input {}", target.str(), src.str());
    }
    for (int axis = 0; axis < src.rank(); ++axis) {
      if (target[axis] < 0) shapes.refuse("shape={} has a negative size", target.str());
      if (target[axis] == 0) target[axis] = src[axis];
    }
    infer_broadcast(shapes, target);
  };
  return op;
}

Op numpy_broadcast_to() {
  Op op =
      broadcasting("_npi_broadcast_to", "Axes of size 1 grown, and new leading axes, up to `shape`; -1 keeps a size.");
  op.inputs = always({"array"});
  op.attributes = {ints("shape").or_else(IntTuple{})};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    Shape target(shapes.attributes().ints("shape"));
    const int added = target.rank() - src.rank();
    if (added < 0) shapes.refuse("shape={} has fewer dimensions than the input {}", target.str(), src.str());
    for (int axis = 0; axis < target.rank(); ++axis) {
      if (target[axis] < (axis < added ? 0 : -1)) shapes.refuse("shape={} has a negative size", target.str());
      if (axis < added) continue;
      const std::int64_t size = src[axis - added];
      if (target[axis] == -1) target[axis] = size;
      if (size != Shape::unknown && size != 1 && size != target[axis]) {
        shapes.refuse("shape {} cannot be broadcast to {}", src.str(), target.str());
      }
    }
    shapes.set_out(0, target);
  };
  return op;
}

Op broadcast_axis() {
  Op op = broadcasting("broadcast_axis", "The given axes, which have size 1, grown to the given sizes.");
  op.aliases = {"broadcast_axes"};
  op.attributes = {ints("axis").or_else(IntTuple{}), ints("size").or_else(IntTuple{})};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    const auto axes = shapes.attributes().ints("axis"), sizes = shapes.attributes().ints("size");
    if (axes.size() != sizes.size()) shapes.refuse("axis has {} items, but size has {}", axes.size(), sizes.size());
    resolve_axes(shapes, axes, src.rank());
    Shape target = src;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const int axis = static_cast<int>(axes[i]);
      if (axis < 0) shapes.refuse("axis=({}) may not be negative", fmt::join(axes, ","));
      if (sizes[i] < 1) shapes.refuse("size=({}) must be positive", fmt::join(sizes, ","));
      if (src[axis] != Shape::unknown && src[axis] != 1) {
        shapes.refuse("axis {} of shape {} has size {}; only an axis of size 1 can be broadcast", axis, src.str(),
                      src[axis]);
      }
      target[axis] = sizes[i];
    }
    shapes.set_out(0, target);
  };
  return op;
}

Op broadcast_like() {
  Op op =
      broadcasting("broadcast_like", "Axes of size 1 of lhs grown to rhs's sizes, on all axes or on the given pairs.");
  op.inputs = always({"lhs", "rhs"});
  op.attributes = {ints("lhs_axes").or_none(), ints("rhs_axes").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape &lhs = shapes.in(0), &rhs = shapes.in(1);
    if (!lhs.has_rank() || !rhs.has_rank()) return;
    const bool some = shapes.attributes().has("lhs_axes");
    if (some != shapes.attributes().has("rhs_axes")) shapes.refuse("lhs_axes and rhs_axes must be given together");
    if (!some) {
      if (lhs.rank() != rhs.rank()) {
        shapes.refuse("without axes both inputs need as many dimensions, but they are {} and {}", lhs.str(), rhs.str());
      }
      return infer_broadcast(shapes, rhs);
    }
    const auto left = resolve_axes(shapes, shapes.attributes().ints("lhs_axes"), lhs.rank());
    const auto right = resolve_axes(shapes, shapes.attributes().ints("rhs_axes"), rhs.rank());
    if (left.size() != right.size())
      shapes.refuse("lhs_axes has {} items, but rhs_axes has {}", left.size(), right.size());
    Shape target = lhs;
    for (std::size_t i = 0; i < left.size(); ++i) target[left[i]] = rhs[right[i]];
    infer_broadcast(shapes, target);
  };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  return op;
}

}  // namespace

std::vector<Op> broadcast_ops() {
  return {tile(), repeat(), broadcast_to(), numpy_broadcast_to(), broadcast_axis(), broadcast_like()};
}

}  // namespace tenon
