// Operators that keep the elements and their order: Reshape and its kin, expand_dims, squeeze; and those that only read
// the shape: shape_array, size_array.

#include <algorithm>

#include <fmt/ranges.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

enum class Code { size, copy, infer, copy_rest, merge, split, skip, unknown };

/// Reshape: 0 copies a dimension, so that a size is never 0.
Code reshape_code(std::int64_t code) {
  constexpr Code codes[] = {Code::copy, Code::infer, Code::copy_rest, Code::merge, Code::split};
  return code > 0 ? Code::size : code >= -4 ? codes[-code] : Code::unknown;
}

/// _npx_reshape: real zero sizes, and a code that skips a dimension of size 1.
Code npx_reshape_code(std::int64_t code) {
  constexpr Code codes[] = {Code::size, Code::infer, Code::copy, Code::skip, Code::copy_rest, Code::merge, Code::split};
  return code > 0 ? Code::size : code >= -6 ? codes[-code] : Code::unknown;
}

/// NumPy's own reshape.
Code np_reshape_code(std::int64_t code) {
  return code >= 0 ? Code::size : code == -1 ? Code::infer : Code::unknown;
}

/// Reads the codes of a new shape beside the dimensions of the source. A size, copy, infer or skip passes over one of
/// them, copy_rest over all that remain, merge multiplies two, split parts one in the two sizes that follow the code.
class ReshapeCodes {
 public:
  ReshapeCodes(const ShapeInference& shapes, Shape src, std::vector<std::int64_t> codes, Code (*meaning)(std::int64_t))
      : shapes_(shapes), src_(std::move(src)), codes_(std::move(codes)), meaning_(meaning) {}

  Shape read() {
    for (; at_ < codes_.size(); ++at_) read_code(codes_[at_]);
    return Shape(dst_);
  }

 private:
  void read_code(std::int64_t code) {
    switch (meaning_(code)) {
      case Code::size:
        ++source_;
        return dst_.push_back(code);
      case Code::copy:
        return dst_.push_back(take());
      case Code::infer:
        return infer();
      case Code::copy_rest:
        while (source_ < src_.rank()) dst_.push_back(take());
        return;
      case Code::merge: {
        const Shape two{take(), take()};
        return dst_.push_back(two.is_known() ? two.elements() : Shape::unknown);
      }
      case Code::split:
        return split();
      case Code::skip:
        if (const std::int64_t dim = take(); dim != 1 && dim != Shape::unknown) {
          refuse("{} at position {} skips a dimension of size {}, not of 1", code, at_, dim);
        }
        return;
      case Code::unknown:
        refuse("code {} at position {} has no meaning", code, at_);
    }
  }

  std::int64_t take() {
    if (source_ >= src_.rank()) {
      refuse("code {} at position {} needs dimension {} of the source, but its shape is {}", codes_[at_], at_, source_,
             src_.str());
    }
    return src_[source_++];
  }

  void infer() {
    if (inferred_) refuse("-1 stands twice; only one dimension can be inferred");
    // MXNet's Reshape writes the inferred size at the code's position, which is another dimension then; no such graph
    // runs there.
    if (meaning_ == reshape_code && dst_.size() != at_) {
      refuse("-1 at position {} follows -2 or -4 and cannot be inferred; give the size", at_);
    }
    inferred_ = true;
    dst_.push_back(Shape::unknown);
    ++source_;
  }

  void split() {
    if (at_ + 2 >= codes_.size()) refuse("{} at position {} needs two sizes after it", codes_[at_], at_);
    const std::int64_t whole = take();
    std::int64_t first = codes_[at_ + 1], second = codes_[at_ + 2];
    if (first == -1 && second == -1) refuse("the split at position {} leaves both of its sizes to be inferred", at_);
    if (first < -1 || second < -1 || first == 0 || second == 0) {
      refuse("the split at position {} cannot part a dimension in {} and {}", at_, first, second);
    }
    if (whole != Shape::unknown) {
      if (first == -1) first = whole / second;
      if (second == -1) second = whole / first;
      if (Shape{first, second}.elements() != whole) {
        refuse("the split at position {} parts a dimension of {} in {} and {}, which do not multiply to it", at_, whole,
               first, second);
      }
    }
    dst_.insert(dst_.end(), {first, second});
    at_ += 2;
  }

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    shapes_.refuse("shape=({}): {}", fmt::join(codes_, ","), fmt::format(format, std::forward<Args>(args)...));
  }

  const ShapeInference& shapes_;
  Shape src_;
  std::vector<std::int64_t> codes_;
  Code (*meaning_)(std::int64_t);
  std::vector<std::int64_t> dst_;
  std::size_t at_ = 0;
  int source_ = 0;
  bool inferred_ = false;
};

Shape reversed(const Shape& shape) {
  return Shape(std::vector<std::int64_t>(shape.dims().rbegin(), shape.dims().rend()));
}

/// `reverse` reads codes and dimensions from the right.
Shape from_codes(const ShapeInference& shapes, std::vector<std::int64_t> codes, Code (*meaning)(std::int64_t),
                 bool reverse) {
  if (!reverse) return ReshapeCodes(shapes, shapes.in(0), std::move(codes), meaning).read();
  std::reverse(codes.begin(), codes.end());
  return reversed(ReshapeCodes(shapes, reversed(shapes.in(0)), std::move(codes), meaning).read());
}

/// The form before the codes: 0 is inferred, keep_highest takes the first dimension from the source.
Shape from_target_shape(const ShapeInference& shapes) {
  Shape dst(shapes.attributes().ints("target_shape"));
  for (int axis = 0; axis < dst.rank(); ++axis) {
    if (dst[axis] < 0) shapes.refuse("target_shape={} has a negative size", dst.str());
    if (dst[axis] == 0) dst[axis] = Shape::unknown;
  }
  if (shapes.attributes().flag("keep_highest") && shapes.in(0).rank() > 0) dst[0] = shapes.in(0)[0];
  return dst;
}

void infer_reshape(ShapeInference& shapes) {
  if (shapes.in(0).has_rank()) {
    auto codes = shapes.attributes().ints("shape");
    if (!codes.empty()) {
      shapes.set_out(0, from_codes(shapes, std::move(codes), reshape_code, shapes.attributes().flag("reverse")));
    } else if (!shapes.attributes().tuple("target_shape").empty()) {
      shapes.set_out(0, from_target_shape(shapes));
    }
  }
  balance_elements(shapes);
}

Op reshape() {
  Op op;
  op.name = "Reshape";
  op.aliases = {"reshape"};
  op.doc = "The same elements under another shape, written in codes: 0 copies a dimension, -1 infers one, …";
  op.attributes = {ints("shape").or_else(IntTuple{}), boolean("reverse").or_else(false),
                   ints("target_shape").or_else(IntTuple{}), boolean("keep_highest").or_else(false)};
  op.infer_shape = infer_reshape;
  op.reference = flat_copy_kernel;
  return op;
}

Op numpy_reshape(std::string name, std::vector<std::string> aliases, std::string doc, Code (*meaning)(std::int64_t)) {
  const bool can_reverse = meaning == npx_reshape_code;
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.inputs = always({"a"});
  op.attributes = {ints("newshape"), choice("order", {"C"}).or_else(std::string("C"))};
  if (can_reverse) op.attributes.push_back(boolean("reverse").or_else(false));
  op.infer_shape = [meaning, can_reverse](ShapeInference& shapes) {
    if (shapes.in(0).has_rank()) {
      const bool reverse = can_reverse && shapes.attributes().flag("reverse");
      shapes.set_out(0, from_codes(shapes, shapes.attributes().ints("newshape"), meaning, reverse));
    }
    balance_elements(shapes);
  };
  op.reference = flat_copy_kernel;
  return op;
}

/// Where an optional begin or end attribute points, counted from the front.
int bound(const ShapeInference& shapes, std::string_view name, int rank, int fallback) {
  if (!shapes.attributes().has(name)) return fallback;
  const std::int64_t value = shapes.attributes().integer(name);
  if (value < -rank || value > rank)
    shapes.refuse("{}={} is outside the {} dimensions of its tensor", name, value, rank);
  return from_front(value, rank);
}

Op reshape_like() {
  Op op;
  op.name = "reshape_like";
  op.aliases = {"_npx_reshape_like"};
  op.doc = "lhs with its dimensions [lhs_begin, lhs_end) replaced by rhs's [rhs_begin, rhs_end).";
  op.inputs = always({"lhs", "rhs"});
  op.attributes = {integer("lhs_begin").or_none(), integer("lhs_end").or_none(), integer("rhs_begin").or_none(),
                   integer("rhs_end").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape lhs = shapes.in(0), rhs = shapes.in(1);
    if (lhs.has_rank() && rhs.has_rank()) {
      const int left = bound(shapes, "lhs_begin", lhs.rank(), 0),
                right = bound(shapes, "lhs_end", lhs.rank(), lhs.rank());
      const int first = bound(shapes, "rhs_begin", rhs.rank(), 0),
                last = bound(shapes, "rhs_end", rhs.rank(), rhs.rank());
      if (left > right || first > last) {
        shapes.refuse("the ranges [{}, {}) of lhs and [{}, {}) of rhs must not run backwards", left, right, first,
                      last);
      }
      shapes.set_out(0, joined(joined(part(lhs, 0, left), part(rhs, first, last)), part(lhs, right, lhs.rank())));
    }
    balance_elements(shapes);
  };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  op.reference = flat_copy_kernel;
  return op;
}

Op expand_dims() {
  Op op;
  op.name = "expand_dims";
  op.aliases = {"_npi_expand_dims"};
  op.doc = "A new axis of size 1.";
  op.attributes = {integer("axis")};
  op.infer_shape = [](ShapeInference& shapes) {
    const int rank = shapes.in(0).has_rank() ? shapes.in(0).rank() + 1 : shapes.out().rank();
    if (rank < 1) return;
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), rank);
    const Shape src = shapes.in(0);
    if (src.has_rank()) shapes.set_out(0, joined(joined(part(src, 0, axis), {1}), part(src, axis, rank - 1)));
    const Shape dst = shapes.out();
    if (dst.rank() == rank) shapes.set_in(0, joined(part(dst, 0, axis), part(dst, axis + 1, rank)));
  };
  op.reference = flat_copy_kernel;
  return op;
}

/// Marks the axes that squeeze drops; empty while that cannot be told.
std::vector<bool> dropped_axes(const ShapeInference& shapes, const Shape& src) {
  std::vector<bool> dropped(static_cast<std::size_t>(src.rank()), false);
  if (shapes.attributes().has("axis")) {
    for (const int axis : resolve_axes(shapes, shapes.attributes().ints("axis"), src.rank())) {
      if (src[axis] != 1 && src[axis] != Shape::unknown) {
        shapes.refuse("axis {} of shape {} has size {}; only an axis of size 1 can be squeezed", axis, src.str(),
                      src[axis]);
      }
      dropped[static_cast<std::size_t>(axis)] = true;
    }
    return dropped;
  }
  if (!src.is_known()) return {};
  for (int axis = 0; axis < src.rank(); ++axis) dropped[static_cast<std::size_t>(axis)] = src[axis] == 1;
  return dropped;
}

void infer_squeeze(ShapeInference& shapes) {
  Shape src = shapes.in(0);
  if (!src.has_rank()) return;
  const auto dropped = dropped_axes(shapes, src);
  if (dropped.size() != static_cast<std::size_t>(src.rank())) return;
  std::vector<std::int64_t> kept;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (dropped[static_cast<std::size_t>(axis)]) {
      src[axis] = 1;
    } else {
      kept.push_back(src[axis]);
    }
  }
  if (kept.empty() && !shapes.np_shape()) kept = {1};
  shapes.set_out(0, Shape(kept));
  shapes.set_in(0, src);
  balance_elements(shapes);
}

Op squeeze(std::string name, std::string input) {
  Op op;
  op.name = std::move(name);
  op.inputs = always({std::move(input)});
  op.doc = "Without the given axes of size 1, or without all of them.";
  op.attributes = {ints("axis").or_none()};
  op.infer_shape = infer_squeeze;
  op.reference = flat_copy_kernel;
  return op;
}

/// An int64 vector that follows from the input's shape alone.
Op shape_reader(std::string name, std::vector<std::string> aliases, std::string doc,
                std::vector<std::int64_t> (*read)(const Shape&)) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.infer_shape = [read](ShapeInference& shapes) {
    if (shapes.in(0).is_known()) shapes.set_out(0, {static_cast<std::int64_t>(read(shapes.in(0)).size())});
  };
  op.infer_type = [](TypeInference& types) { types.set_out(0, DType::int64); };
  op.reference = [read](const OpCall& call) {
    return Kernel{[numbers = read(call.shape_in(0))](const Operands& operands) {
      std::copy(numbers.begin(), numbers.end(), operands.out<std::int64_t>());
    }};
  };
  return op;
}

}  // namespace

std::vector<Op> reshape_ops() {
  return {
      reshape(),
      numpy_reshape("_np_reshape", {}, "The same elements under another shape; -1 is inferred.", np_reshape_code),
      numpy_reshape("_npx_reshape", {"_npi_reshape"},
                    "The same elements under another shape: -2 copies a dimension, -5 merges two, -6 splits one, …",
                    npx_reshape_code),
      reshape_like(),
      expand_dims(),
      squeeze("squeeze", "data"),
      squeeze("_np_squeeze", "a"),
      shape_reader("shape_array", {"_npx_shape_array"}, "The input's dimensions.",
                   [](const Shape& shape) { return std::vector<std::int64_t>(shape.begin(), shape.end()); }),
      shape_reader("size_array", {}, "The number of the input's elements.",
                   [](const Shape& shape) { return std::vector<std::int64_t>{shape.elements()}; }),
  };
}

}  // namespace tenon
