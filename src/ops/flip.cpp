// Operators that turn elements around: reverse, _npi_flip, _npi_rot90, _np_roll.

#include <numeric>

#include <fmt/ranges.h>

#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

std::vector<int> axes_in_order(int rank) {
  std::vector<int> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

/// A copy of everything to its own place, with some axes of the source read backwards.
StridedCopy flipped_copy(const Shape& shape, const std::vector<int>& axes) {
  StridedCopy copy = transpose_copy(shape, axes_in_order(shape.rank()));
  for (const int axis : axes) {
    StridedCopy::Axis& flipped = copy.axes[static_cast<std::size_t>(axis)];
    if (flipped.extent > 0) copy.src_offset += (flipped.extent - 1) * flipped.src_stride;
    flipped.src_stride = -flipped.src_stride;
  }
  return copy;
}

/// NumPy's flip counts negative axes from the end, MXNet's own refuses them.
Op reverse(std::string name, bool negative_axes) {
  Op op;
  op.name = std::move(name);
  op.doc = "The elements in opposite order along the given axes.";
  op.attributes = {ints("axis")};
  op.infer_shape = [negative_axes](ShapeInference& shapes) {
    same_shape(shapes);
    if (!shapes.in(0).has_rank()) return;
    const auto axes = shapes.attributes().ints("axis");
    for (const std::int64_t axis : axes) {
      if (axis < 0 && !negative_axes) shapes.refuse("axis=({}) may not be negative", fmt::join(axes, ","));
    }
    resolve_axes(shapes, axes, shapes.in(0).rank());
  };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    std::vector<int> axes;
    for (const std::int64_t axis : call.attributes().ints("axis")) axes.push_back(from_front(axis, src.rank()));
    return copy_kernel(call, flipped_copy(src, axes));
  };
  return op;
}

/// The two axes that rot90 turns.
std::vector<std::int64_t> turned_axes(const Attributes& attributes) {
  return attributes.has("axes") ? attributes.ints("axes") : std::vector<std::int64_t>{0, 1};
}

Op rot90() {
  Op op;
  op.name = "_npi_rot90";
  op.doc = "The plane of two axes turned by k quarters, from the first axis towards the second.";
  op.attributes = {integer("k").or_else(1), ints("axes").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    Shape dst = shapes.in(0);
    if (!dst.has_rank()) return;
    const auto axes = resolve_axes(shapes, turned_axes(shapes.attributes()), dst.rank());
    if (axes.size() != 2) shapes.refuse("axes must name two axes, not {}", axes.size());
    if (shapes.attributes().integer("k") % 2 != 0) std::swap(dst[axes[0]], dst[axes[1]]);
    shapes.set_out(0, dst);
  };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    const auto given = turned_axes(call.attributes());
    const int first = from_front(given[0], src.rank()), second = from_front(given[1], src.rank());
    const std::int64_t quarters = (call.attributes().integer("k") % 4 + 4) % 4;
    std::vector<int> flips;
    if (quarters == 2 || quarters == 3) flips.push_back(first);
    if (quarters == 1 || quarters == 2) flips.push_back(second);
    StridedCopy copy = flipped_copy(src, flips);
    if (quarters % 2 != 0) {
      std::swap(copy.axes[static_cast<std::size_t>(first)], copy.axes[static_cast<std::size_t>(second)]);
    }
    const auto dst_strides = row_major_strides(call.shape_out());
    for (std::size_t axis = 0; axis < dst_strides.size(); ++axis) copy.axes[axis].dst_stride = dst_strides[axis];
    return copy_kernel(call, copy);
  };
  return op;
}

/// The axes that roll moves and how far; without an axis the flattened tensor.
struct Roll {
  Shape view;
  std::vector<std::int64_t> shift;  ///< an item an axis, in [0, size)
};
Roll roll_of(const Attributes& attributes, const Shape& src) {
  const bool flat = !attributes.has("axis");
  Roll roll{flat ? Shape{src.elements()} : src, {}};
  roll.shift.assign(static_cast<std::size_t>(roll.view.rank()), 0);
  const auto shifts = attributes.ints("shift");
  const auto axes = flat ? std::vector<std::int64_t>{0} : attributes.ints("axis");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = from_front(axes[i], roll.view.rank());
    const std::int64_t size = roll.view[axis];
    std::int64_t& total = roll.shift[static_cast<std::size_t>(axis)];
    if (size > 0) total = ((total + shifts[shifts.size() == 1 ? 0 : i] % size) % size + size) % size;
  }
  return roll;
}

/// A rolled axis is two pieces that change places: one copy for each choice of a piece on every axis.
std::vector<StridedCopy> roll_copies(const Roll& roll) {
  const auto strides = row_major_strides(roll.view);
  std::vector<StridedCopy> copies{StridedCopy{}};
  for (std::size_t axis = 0; axis < strides.size(); ++axis) {
    const std::int64_t size = roll.view[static_cast<int>(axis)], shift = roll.shift[axis], stride = strides[axis];
    std::vector<StridedCopy> grown;
    for (const StridedCopy& copy : copies) {
      StridedCopy front = copy, back = copy;
      front.axes.push_back({size - shift, stride, stride});
      front.dst_offset += shift * stride;
      grown.push_back(std::move(front));
      if (shift == 0) continue;
      back.axes.push_back({shift, stride, stride});
      back.src_offset += (size - shift) * stride;
      grown.push_back(std::move(back));
    }
    copies = std::move(grown);
  }
  return copies;
}

Op roll() {
  Op op;
  op.name = "_np_roll";
  op.doc = "The elements moved along axes; what leaves at the end comes back at the beginning.";
  op.attributes = {ints("shift").or_none(), ints("axis").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    same_shape(shapes);
    if (!shapes.attributes().has("shift")) shapes.refuse("shift is missing");
    const std::size_t shifts = shapes.attributes().tuple("shift").size();
    std::size_t axes = 1;
    if (shapes.attributes().has("axis")) {
      axes = shapes.attributes().tuple("axis").size();
      if (!shapes.in(0).has_rank()) return;
      for (const std::int64_t axis : shapes.attributes().ints("axis")) resolve_axis(shapes, axis, shapes.in(0).rank());
    }
    if (shifts != 1 && shifts != axes) shapes.refuse("shift has {} items for {} axes", shifts, axes);
    constexpr std::size_t limit = 16;  // each axis doubles the copies
    if (axes > limit) shapes.refuse("{} axes are rolled; at most {} can be", axes, limit);
  };
  op.reference = [](const OpCall& call) {
    std::vector<CopyForm::Part> parts;
    for (StridedCopy& copy : roll_copies(roll_of(call.attributes(), call.shape_in(0)))) {
      parts.push_back({0, 0, std::move(copy)});
    }
    return copies_kernel(call, std::move(parts));
  };
  return op;
}

}  // namespace

std::vector<Op> flip_ops() {
  Op flip = reverse("reverse", false);
  flip.aliases = {"flip"};
  return {std::move(flip), reverse("_npi_flip", true), rot90(), roll()};
}

}  // namespace tenon
