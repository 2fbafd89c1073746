#include "ops/axes.h"

namespace tenon {

AxisMask one_axis(int axis, const Shape& shape) {
  AxisMask mask(static_cast<std::size_t>(shape.rank()), false);
  mask[static_cast<std::size_t>(axis)] = true;
  return mask;
}

Shape reduced_shape(const Shape& src, const AxisMask& reduced, bool keepdims, bool np_shape) {
  std::vector<std::int64_t> dims;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (!reduced[static_cast<std::size_t>(axis)]) {
      dims.push_back(src[axis]);
    } else if (keepdims) {
      dims.push_back(1);
    }
  }
  if (dims.empty() && !np_shape) dims.push_back(1);
  return Shape(std::move(dims));
}

Reduction::Reduction(const Shape& src, const AxisMask& mask) : results(1), terms(1) {
  std::int64_t stride = 1;
  for (int axis = src.rank() - 1; axis >= 0; --axis) {
    const bool is_reduced = mask[static_cast<std::size_t>(axis)];
    (is_reduced ? reduced : kept).push_back({src[axis], stride});
    (is_reduced ? terms : results) *= src[axis];
    stride *= src[axis];
  }
  std::reverse(kept.begin(), kept.end());
  std::reverse(reduced.begin(), reduced.end());
  if (reduced.empty()) reduced.push_back({1, 0});
}

std::int64_t Reduction::offset(std::span<const Dim> dims, std::int64_t index) {
  std::int64_t result = 0;
  for (auto dim = dims.rbegin(); dim != dims.rend(); ++dim) {
    result += index % dim->size * dim->stride;
    index /= dim->size;
  }
  return result;
}

}  // namespace tenon
