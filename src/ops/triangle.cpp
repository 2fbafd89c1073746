// Operators that take a diagonal or a triangle out of each matrix, or make a matrix of one: _linalg_extractdiag,
// _linalg_makediag, _linalg_extracttrian, _linalg_maketrian.

#include <algorithm>
#include <cmath>

#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// The elements [first, last) of one row, or of one column, that belong to the diagonal or to the triangle.
struct Line {
  std::int64_t first, last;
  bool is_column = false;
};
using Selection = Line (*)(const Attributes&, std::int64_t line, std::int64_t size);

Line diagonal_line(const Attributes& attributes, std::int64_t row, std::int64_t size) {
  const std::int64_t column = row + attributes.integer("offset");
  return column < 0 || column >= size ? Line{0, 0} : Line{column, column + 1};
}

/// An offset above the diagonal means the upper triangle, one below it the lower; offset 0 asks `lower`. The lower
/// triangle is packed row after row, the upper column after column, as if it were the lower one transposed.
Line triangle_line(const Attributes& attributes, std::int64_t line, std::int64_t) {
  const std::int64_t offset = attributes.integer("offset");
  const bool lower = offset == 0 ? attributes.flag("lower") : offset < 0;
  return {0, std::max<std::int64_t>(0, line + 1 - std::abs(offset)), !lower};
}

/// Copies what is selected of each matrix, line after line, to a vector.
std::vector<StridedCopy> selecting_copies(const Attributes& attributes, Selection selection, std::int64_t batch,
                                          std::int64_t size, std::int64_t packed) {
  std::vector<StridedCopy> copies;
  std::int64_t offset = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const Line line = selection(attributes, i, size);
    const std::int64_t count = line.last - line.first, along = line.is_column ? size : 1, across = size + 1 - along;
    copies.push_back({{{batch, size * size, packed}, {count, along, 1}}, i * across + line.first * along, offset});
    offset += count;
  }
  return copies;
}

/// How many elements of a matrix with sides `size` lie on the diagonal (in the triangle) that is |offset| away.
std::int64_t diagonal_count(std::int64_t size, std::int64_t distance) {
  return size - distance;
}
std::int64_t triangle_count(std::int64_t size, std::int64_t distance) {
  return (size - distance) * (size - distance + 1) / 2;
}
/// The inverse: the side of the matrix, -1 when there is none.
std::int64_t diagonal_side(std::int64_t count, std::int64_t distance) {
  return count + distance;
}
std::int64_t triangle_side(std::int64_t count, std::int64_t distance) {
  const auto side = static_cast<std::int64_t>((std::sqrt(8.0 * static_cast<double>(count) + 1) - 1) / 2);
  return side * (side + 1) / 2 == count ? side + distance : -1;
}

std::int64_t distance(const ShapeInference& shapes) {
  constexpr std::int64_t limit = 1 << 30;
  const std::int64_t offset = shapes.attributes().integer("offset");
  if (std::abs(offset) > limit) shapes.refuse("offset={} is too far from the diagonal", offset);
  return std::abs(offset);
}

using Count = std::int64_t (*)(std::int64_t, std::int64_t);

Op base(const std::string& name, std::string doc, bool has_lower) {
  Op op;
  op.name = "_linalg_" + name;
  op.aliases = {"linalg_" + name};
  op.doc = std::move(doc);
  op.inputs = always({"A"});
  op.attributes = {integer("offset").or_else(0)};
  if (has_lower) op.attributes.push_back(boolean("lower").or_else(true));
  return op;
}

Op extract(Op op, Selection selection, Count count) {
  op.infer_shape = [count](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.is_known()) return;
    const int rank = src.rank();
    if (rank < 2 || src[rank - 1] != src[rank - 2]) {
      shapes.refuse("the input must be a square matrix or a batch of them, but is {}", src.str());
    }
    if (distance(shapes) >= src[rank - 1]) {
      shapes.refuse("offset={} is outside the matrices of {}", shapes.attributes().integer("offset"), src.str());
    }
    shapes.set_out(0, joined(part(src, 0, rank - 2), {count(src[rank - 1], distance(shapes))}));
  };
  op.reference = [selection](const OpCall& call) {
    const Shape &src = call.shape_in(0), &dst = call.shape_out();
    std::vector<CopyForm::Part> parts;
    for (const auto& copy : selecting_copies(call.attributes(), selection, src.elements(0, src.rank() - 2),
                                             src[src.rank() - 1], dst[dst.rank() - 1])) {
      parts.push_back({0, 0, copy});
    }
    return copies_kernel(call, std::move(parts));
  };
  return op;
}

Op make(Op op, Selection selection, Count side_of) {
  op.infer_shape = [side_of](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.is_known()) return;
    if (src.rank() < 1) shapes.refuse("the input must have at least one dimension");
    const std::int64_t side = side_of(src[src.rank() - 1], distance(shapes));
    if (side < 0) shapes.refuse("the last axis of {} does not fill a triangle (1, 3, 6, 10, …)", src.str());
    shapes.set_out(0, joined(part(src, 0, src.rank() - 1), {side, side}));
  };
  op.reference = [selection](const OpCall& call) {
    const Shape &src = call.shape_in(0), &dst = call.shape_out();
    std::vector<CopyForm::Part> parts = {{-1, 0, fill_copy(dst.elements())}};
    for (const auto& copy : selecting_copies(call.attributes(), selection, dst.elements(0, dst.rank() - 2),
                                             dst[dst.rank() - 1], src[src.rank() - 1])) {
      parts.push_back({0, 0, copy.inverse()});
    }
    return copies_kernel(call, std::move(parts));
  };
  return op;
}

}  // namespace

std::vector<Op> triangle_ops() {
  return {
      extract(base("extractdiag", "A diagonal of each matrix.", false), diagonal_line, diagonal_count),
      make(base("makediag", "Matrices with a given diagonal, zero elsewhere.", false), diagonal_line, diagonal_side),
      extract(base("extracttrian", "A triangle of each matrix: the lower row after row, the upper column after column.",
                   true),
              triangle_line, triangle_count),
      make(base("maketrian", "Matrices with a given triangle, zero elsewhere.", true), triangle_line, triangle_side),
  };
}

}  // namespace tenon
