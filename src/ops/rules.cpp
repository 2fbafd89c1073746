#include "ops/rules.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace tenon {
namespace {

/// `partial` with its one unknown dimension computed from the number of elements; as it is when more are unknown.
Shape with_elements(const ShapeInference& shapes, Shape partial, const Shape& known) {
  int missing = -1;
  std::vector<std::int64_t> rest;
  for (int axis = 0; axis < partial.rank(); ++axis) {
    if (partial[axis] == Shape::unknown) {
      if (missing >= 0) return partial;
      missing = axis;
    } else {
      rest.push_back(partial[axis]);
    }
  }
  const std::int64_t elements = known.elements();
  const std::int64_t product = Shape(std::move(rest)).elements();
  if (missing < 0 || product == 0) return partial;
  if (elements % product != 0) {
    shapes.refuse("the {} elements of shape {} cannot fill shape {}", elements, known.str(), partial.str());
  }
  partial[missing] = elements / product;
  return partial;
}

}  // namespace

int from_front(std::int64_t axis, int rank) {
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

int resolve_axis(const InferenceWindow& window, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    window.refuse("axis {} is outside the {} dimensions of the tensor; it must lie between {} and {}", axis, rank,
                  -rank, rank - 1);
  }
  return from_front(axis, rank);
}

std::vector<int> resolve_axes(const InferenceWindow& window, const std::vector<std::int64_t>& axes, int rank) {
  std::vector<int> resolved;
  for (const std::int64_t axis : axes) {
    const int front = resolve_axis(window, axis, rank);
    if (std::find(resolved.begin(), resolved.end(), front) != resolved.end()) {
      window.refuse("axes ({}) name axis {} twice", fmt::join(axes, ","), front);
    }
    resolved.push_back(front);
  }
  return resolved;
}

void tie_types(TypeInference& types, const std::vector<int>& inputs, const std::vector<int>& outputs) {
  std::optional<DType> dtype;
  for (const int i : inputs) dtype = dtype ? dtype : types.in(i);
  for (const int i : outputs) dtype = dtype ? dtype : types.out(i);
  for (const int i : inputs) types.set_in(i, dtype);
  for (const int i : outputs) types.set_out(i, dtype);
}

void tie_data_and_output(ShapeInference& shapes) {
  shapes.set_in(0, shapes.out());
  shapes.set_out(0, shapes.in(0));
}

Shape joined(const Shape& head, const Shape& tail) {
  std::vector<std::int64_t> dims(head.begin(), head.end());
  dims.insert(dims.end(), tail.begin(), tail.end());
  return Shape(std::move(dims));
}

Shape part(const Shape& shape, int first, int last) {
  return Shape(std::vector<std::int64_t>(shape.begin() + first, shape.begin() + last));
}

void balance_elements(ShapeInference& shapes) {
  const Shape src = shapes.in(0), dst = shapes.out();
  if (src.is_known() && dst.has_rank()) shapes.set_out(0, with_elements(shapes, dst, src));
  if (shapes.out().is_known() && src.has_rank()) shapes.set_in(0, with_elements(shapes, src, shapes.out()));
  if (!shapes.in(0).is_known() || !shapes.out().is_known()) return;
  if (shapes.in(0).elements() != shapes.out().elements()) {
    shapes.refuse("the input of shape {} has {} elements, but the output of shape {} has {}", shapes.in(0).str(),
                  shapes.in(0).elements(), shapes.out().str(), shapes.out().elements());
  }
}

void permute_axes(ShapeInference& shapes, const std::vector<int>& axes) {
  const int rank = static_cast<int>(axes.size());
  Shape src = Shape::of_rank(rank), dst = Shape::of_rank(rank);
  for (int i = 0; i < rank; ++i) {
    const int axis = axes[static_cast<std::size_t>(i)];
    if (shapes.in(0).rank() == rank) dst[i] = shapes.in(0)[axis];
    if (shapes.out().rank() == rank) src[axis] = shapes.out()[i];
  }
  shapes.set_out(0, dst);
  shapes.set_in(0, src);
}

}  // namespace tenon
