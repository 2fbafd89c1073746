// Pad: a border of a constant, of the edge, or of the mirrored inside.

#include "ops/pad.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// Two numbers an axis: before and after it.
using Widths = std::vector<std::int64_t>;

/// Adds the widths to the input's sizes, refusing what cannot be padded so.
void infer_padded(ShapeInference& shapes, const Widths& widths) {
  const Shape& src = shapes.in(0);
  if (std::ssize(widths) != 2 * src.rank()) {
    shapes.refuse("pad_width=({}) must have two numbers for each of the {} axes", fmt::join(widths, ","), src.rank());
  }
  const bool reflect = shapes.attributes().text("mode") == "reflect";
  Shape dst = src;
  for (int axis = 0; axis < src.rank(); ++axis) {
    const std::int64_t before = widths[static_cast<std::size_t>(2 * axis)];
    const std::int64_t after = widths[static_cast<std::size_t>(2 * axis + 1)];
    constexpr std::int64_t limit = std::int64_t{1} << 40;
    if (std::min(before, after) < 0 || std::max(before, after) > limit) {
      shapes.refuse("pad_width=({}) must lie between 0 and {}", fmt::join(widths, ","), limit);
    }
    if (src[axis] == Shape::unknown) continue;
    if (reflect && std::max(before, after) >= src[axis]) {
      shapes.refuse("axis {} of shape {} is too short to be reflected by {}", axis, src.str(), std::max(before, after));
    }
    dst[axis] += before + after;
  }
  shapes.set_out(0, dst);
}

Widths flat_widths(const Attributes& attributes) {
  return attributes.ints("pad_width");
}

/// NumPy's nested form, "((1, 0), (0, 2))": the numbers in order.
Widths nested_widths(const Attributes& attributes) {
  std::string numbers;
  for (const char c : attributes.text("pad_width")) {
    if (c != '(' && c != ')' && c != '[' && c != ']') numbers += c;
  }
  const AttributeValue value = parse_attribute(ints("pad_width"), "(" + numbers + ")");
  Widths widths;
  for (const auto& item : std::get<IntTuple>(value)) widths.push_back(item.value_or(0));
  return widths;
}

/// A copy within dst: the slice `to` of an axis becomes the slice `from`, over all of the other axes.
StridedCopy slab_copy(const Shape& dst, int axis, std::int64_t from, std::int64_t to) {
  const auto strides = row_major_strides(dst);
  StridedCopy copy;
  for (int i = 0; i < dst.rank(); ++i) {
    const auto stride = strides[static_cast<std::size_t>(i)];
    copy.axes.push_back({i == axis ? 1 : dst[i], stride, stride});
  }
  copy.src_offset = from * strides[static_cast<std::size_t>(axis)];
  copy.dst_offset = to * strides[static_cast<std::size_t>(axis)];
  return copy;
}

/// The copies within dst that fill the border, an axis after the other, so that corners repeat repeated slices.
std::vector<PreparedCopy> border_copies(const OpCall& call, const Widths& widths, bool reflect) {
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  std::vector<PreparedCopy> copies;
  for (int axis = 0; axis < src.rank(); ++axis) {
    const std::int64_t first = widths[static_cast<std::size_t>(2 * axis)], last = first + src[axis] - 1;
    for (std::int64_t i = 0; i < dst[axis]; ++i) {
      if (i >= first && i <= last) continue;
      const std::int64_t edge = i < first ? first : last;
      copies.emplace_back(slab_copy(dst, axis, reflect ? 2 * edge - i : edge, i), call.dtype_in(0));
    }
  }
  return copies;
}

Kernel pad_kernel(const OpCall& call, const Widths& widths) {
  const std::string& mode = call.attributes().text("mode");
  const DType dtype = call.dtype_in(0);
  const auto dst_strides = row_major_strides(call.shape_out());
  const auto src_strides = row_major_strides(call.shape_in(0));
  StridedCopy inside;
  for (std::size_t axis = 0; axis < dst_strides.size(); ++axis) {
    inside.axes.push_back({call.shape_in(0)[static_cast<int>(axis)], src_strides[axis], dst_strides[axis]});
    inside.dst_offset += widths[2 * axis] * dst_strides[axis];
  }
  const PreparedCopy place(inside, dtype);
  if (mode == "constant") {
    const PreparedCopy fill({{{call.shape_out().elements(), 0, 1}}}, dtype);
    return {[place, fill, value = encode(dtype, call.attributes().real("constant_value"))](const Operands& operands) {
      fill(value.data(), operands.dst[0]);
      place(operands.src[0], operands.dst[0]);
    }};
  }
  return {[place, border = border_copies(call, widths, mode == "reflect")](const Operands& operands) {
    place(operands.src[0], operands.dst[0]);
    for (const PreparedCopy& copy : border) copy(operands.dst[0], operands.dst[0]);
  }};
}

Op pad() {
  Op op;
  op.name = "Pad";
  op.aliases = {"pad"};
  op.doc = "A border of a constant, of the edge's values, or of the inside mirrored at the edge.";
  op.attributes = {choice("mode", {"constant", "edge", "reflect"}), ints("pad_width"),
                   real("constant_value").or_else(0.0)};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    const Widths widths = flat_widths(shapes.attributes());
    if (src.rank() != 4 && src.rank() != 5)
      shapes.refuse("the input must have 4 or 5 dimensions, but is {}", src.str());
    for (std::size_t i = 0; i < std::min<std::size_t>(4, widths.size()); ++i) {
      if (widths[i] != 0) {
        shapes.refuse("pad_width=({}) may not pad the batch and the channel axis", fmt::join(widths, ","));
      }
    }
    infer_padded(shapes, widths);
  };
  op.reference = [](const OpCall& call) { return pad_kernel(call, pad_widths(call)); };
  return op;
}

Op numpy_pad() {
  Op op;
  op.name = "_npi_pad";
  op.doc = "Pad for any rank and every axis.";
  op.attributes = {choice("mode", {"constant", "edge", "reflect"}).or_else(std::string("constant")), text("pad_width"),
                   real("constant_value").or_else(0.0), choice("reflect_type", {"even"}).or_else(std::string("even"))};
  op.infer_shape = [](ShapeInference& shapes) {
    if (shapes.in(0).has_rank()) infer_padded(shapes, nested_widths(shapes.attributes()));
  };
  op.reference = [](const OpCall& call) { return pad_kernel(call, pad_widths(call)); };
  return op;
}

}  // namespace

std::vector<std::int64_t> pad_widths(const OpCall& call) {
  return call.node.op_name() == "_npi_pad" ? nested_widths(call.attributes()) : flat_widths(call.attributes());
}

std::vector<Op> pad_ops() {
  return {pad(), numpy_pad()};
}

}  // namespace tenon
