// Operators that read or write a box of a tensor: slice, slice_axis, slice_like, _slice_assign, _slice_assign_scalar.

#include <algorithm>

#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// The elements begin, begin + step, … of one axis. The count is unknown while the axis is.
struct Range {
  std::int64_t begin = 0, step = 1, count = Shape::unknown;
};

/// Python's slice(begin, end, step) of an axis of `size` elements.
Range python_range(std::optional<std::int64_t> begin, std::optional<std::int64_t> end, std::int64_t step,
                   std::int64_t size) {
  const auto clamped = [&](std::int64_t position) {
    if (position < 0) position += size;
    return step > 0 ? std::clamp<std::int64_t>(position, 0, size) : std::clamp<std::int64_t>(position, -1, size - 1);
  };
  const std::int64_t first = begin ? clamped(*begin) : step > 0 ? 0 : size - 1;
  const std::int64_t last = end ? clamped(*end) : step > 0 ? size : -1;
  const std::int64_t span = step > 0 ? last - first : first - last;
  const std::int64_t stride = step > 0 ? step : -step;
  return {first, step, span > 0 ? (span - 1) / stride + 1 : 0};
}

/// The box of a shape of known rank that begin, end and step describe; axes beyond them are whole.
std::vector<Range> box(const Attributes& attributes, const Shape& shape) {
  const IntTuple &begin = attributes.tuple("begin"), &end = attributes.tuple("end"), &step = attributes.tuple("step");
  std::vector<Range> ranges;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (i >= begin.size()) {
      ranges.push_back({0, 1, shape[axis]});
      continue;
    }
    const std::int64_t stride = i < step.size() ? step[i].value_or(1) : 1;
    const bool whole = !begin[i] && !end[i] && (stride == 1 || stride == -1);
    if (shape[axis] != Shape::unknown) {
      ranges.push_back(python_range(begin[i], end[i], stride, shape[axis]));
    } else {
      ranges.push_back({0, stride, whole ? shape[axis] : Shape::unknown});
    }
  }
  return ranges;
}

/// Refuses attributes that describe no box of `src`, and returns the box's shape.
Shape checked_box(const ShapeInference& shapes, const Shape& src) {
  const Attributes& attributes = shapes.attributes();
  const IntTuple &begin = attributes.tuple("begin"), &end = attributes.tuple("end"), &step = attributes.tuple("step");
  if (begin.size() != end.size()) shapes.refuse("begin has {} items, but end has {}", begin.size(), end.size());
  if (!step.empty() && step.size() != begin.size()) {
    shapes.refuse("step has {} items, but begin has {}", step.size(), begin.size());
  }
  if (std::ssize(begin) > src.rank()) shapes.refuse("begin has {} items, but the input is {}", begin.size(), src.str());
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] == 0) shapes.refuse("step[{}] is 0", i);
    if (step[i] && *step[i] < -(std::int64_t{1} << 62)) shapes.refuse("step[{}]={} is out of range", i, *step[i]);
  }
  Shape dst = Shape::of_rank(src.rank());
  const auto ranges = box(attributes, src);
  for (int axis = 0; axis < src.rank(); ++axis) {
    dst[axis] = ranges[static_cast<std::size_t>(axis)].count;
    if (dst[axis] == 0 && !shapes.np_shape()) {
      shapes.refuse("axis {} of shape {} is left without elements; begin={}, end={}", axis, src.str(),
                    format_attribute(begin), format_attribute(end));
    }
  }
  return dst;
}

/// Copies the box out of a tensor of shape `src`.
StridedCopy box_copy(const Shape& src, const std::vector<Range>& ranges) {
  const auto strides = row_major_strides(src);
  StridedCopy copy;
  std::int64_t dst_stride = 1;
  for (std::size_t axis = ranges.size(); axis-- > 0;) {
    const Range& range = ranges[axis];
    copy.axes.push_back({range.count, range.step * strides[axis], dst_stride});
    copy.src_offset += range.begin * strides[axis];
    dst_stride *= range.count;
  }
  std::reverse(copy.axes.begin(), copy.axes.end());
  return copy;
}

std::vector<AttributeSpec> box_attributes() {
  return {ints("begin"), ints("end"), ints("step").or_else(IntTuple{})};
}

Op slice() {
  Op op;
  op.name = "slice";
  op.aliases = {"crop", "_sparse_slice", "_npi_slice", "_npx_slice"};
  op.doc = "data[begin:end:step] as Python reads it, an item an axis; None is the end of the axis.";
  op.attributes = box_attributes();
  op.infer_shape = [](ShapeInference& shapes) {
    Shape src = shapes.in(0);
    if (!src.has_rank()) return;
    shapes.set_out(0, checked_box(shapes, src));
    // Axes that begin and end do not mention keep their size.
    const Shape& dst = shapes.out();
    for (int axis = static_cast<int>(shapes.attributes().tuple("begin").size()); axis < src.rank(); ++axis) {
      src[axis] = dst[axis];
    }
    shapes.set_in(0, src);
  };
  op.reference = [](const OpCall& call) {
    return copy_kernel(call, box_copy(call.shape_in(0), box(call.attributes(), call.shape_in(0))));
  };
  return op;
}

/// begin and end of slice_axis on an axis of known size.
Range axis_range(const Attributes& attributes, std::int64_t size) {
  std::int64_t begin = attributes.integer("begin"), end = attributes.has("end") ? attributes.integer("end") : size;
  if (begin < 0) begin += size;
  if (end < 0) end += size;
  return {begin, 1, end - begin};
}

Op slice_axis() {
  Op op;
  op.name = "slice_axis";
  op.doc = "Elements [begin, end) of one axis; negative positions count from its end, None is its end.";
  AttributeSpec end = integer("end");
  end.nullable = true;
  op.attributes = {integer("axis"), integer("begin"), std::move(end)};
  op.infer_shape = [](ShapeInference& shapes) {
    Shape src = shapes.in(0);
    if (!src.has_rank()) return;
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), src.rank());
    Shape dst = src;
    if (src[axis] != Shape::unknown) {
      const auto [begin, step, count] = axis_range(shapes.attributes(), src[axis]);
      if (begin < 0 || count <= 0 || count > src[axis] - begin) {
        shapes.refuse("begin={} and end={} are no part of axis {} of shape {}", begin, begin + count, axis, src.str());
      }
      dst[axis] = count;
    }
    shapes.set_out(0, dst);
    src[axis] = Shape::unknown;
    for (int i = 0; i < src.rank(); ++i) {
      if (i != axis) src[i] = shapes.out()[i];
    }
    shapes.set_in(0, src);
  };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    std::vector<Range> ranges;
    for (const std::int64_t size : src) ranges.push_back({0, 1, size});
    const int axis = from_front(call.attributes().integer("axis"), src.rank());
    ranges[static_cast<std::size_t>(axis)] = axis_range(call.attributes(), src[axis]);
    return copy_kernel(call, box_copy(src, ranges));
  };
  return op;
}

void infer_slice_like(ShapeInference& shapes) {
  const Shape &src = shapes.in(0), &like = shapes.in(1);
  if (!src.has_rank() || !like.has_rank()) return;
  const auto given = shapes.attributes().ints("axes");
  if (given.empty() && src.rank() != like.rank()) {
    shapes.refuse("without axes both inputs need as many dimensions, but they are {} and {}", src.str(), like.str());
  }
  Shape dst = src;
  const auto follow = [&](int axis, int like_axis) {
    dst[axis] = like[like_axis];
    if (src[axis] != Shape::unknown && src[axis] < like[like_axis]) {
      shapes.refuse("axis {} of data {} is shorter than that of shape_like {}", axis, src.str(), like.str());
    }
  };
  for (int axis = 0; given.empty() && axis < src.rank(); ++axis) follow(axis, axis);
  for (const std::int64_t axis : given) {
    follow(resolve_axis(shapes, axis, src.rank()), resolve_axis(shapes, axis, like.rank()));
  }
  shapes.set_out(0, dst);
}

Op slice_like() {
  Op op;
  op.name = "slice_like";
  op.doc = "The leading part of data, as long as shape_like on the given axes (all of them without axes).";
  op.inputs = always({"data", "shape_like"});
  op.attributes = {ints("axes").or_else(IntTuple{})};
  op.infer_shape = infer_slice_like;
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  op.reference = [](const OpCall& call) {
    std::vector<Range> ranges;
    for (const std::int64_t size : call.shape_out()) ranges.push_back({0, 1, size});
    return copy_kernel(call, box_copy(call.shape_in(0), ranges));
  };
  return op;
}

/// A kernel that copies input 0 and then overwrites the box, from input 1 or with a number.
Kernel assign_kernel(const OpCall& call, const StridedCopy& into_box, std::optional<double> value) {
  const StridedCopy whole = whole_copy(call.shape_out().elements());
  return copies_kernel(call, {{0, 0, whole}, {value ? -1 : 1, 0, into_box, value.value_or(0)}});
}

Op slice_assign() {
  Op op;
  op.name = "_slice_assign";
  op.aliases = {"_crop_assign", "_npi_slice_assign"};
  op.doc = "lhs with lhs[begin:end:step] replaced by rhs.";
  op.inputs = always({"lhs", "rhs"});
  op.attributes = box_attributes();
  op.infer_shape = [](ShapeInference& shapes) {
    shapes.set_out(0, shapes.in(0));
    shapes.set_in(0, shapes.out());
    if (shapes.in(0).has_rank()) shapes.set_in(1, checked_box(shapes, shapes.in(0)));
  };
  op.reference = [](const OpCall& call) {
    return assign_kernel(call, box_copy(call.shape_in(0), box(call.attributes(), call.shape_in(0))).inverse(), {});
  };
  return op;
}

Op slice_assign_scalar() {
  Op op;
  op.name = "_slice_assign_scalar";
  op.aliases = {"_crop_assign_scalar", "_npi_slice_assign_scalar"};
  op.doc = "data with data[begin:end:step] replaced by a number.";
  op.attributes = box_attributes();
  op.attributes.push_back(real("scalar").or_else(0.0));
  op.infer_shape = [](ShapeInference& shapes) {
    same_shape(shapes);
    if (shapes.in(0).has_rank()) checked_box(shapes, shapes.in(0));
  };
  op.reference = [](const OpCall& call) {
    StridedCopy copy = box_copy(call.shape_in(0), box(call.attributes(), call.shape_in(0))).inverse();
    for (auto& axis : copy.axes) axis.src_stride = 0;
    return assign_kernel(call, copy, call.attributes().real("scalar"));
  };
  return op;
}

}  // namespace

std::vector<Op> slice_ops() {
  return {slice(), slice_axis(), slice_like(), slice_assign(), slice_assign_scalar()};
}

}  // namespace tenon
