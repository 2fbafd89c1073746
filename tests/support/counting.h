#pragma once

#include <numeric>

#include "support/evaluate.h"

namespace tenon {

/// 0, 1, 2, … in a shape.
inline Tensor counting(const Shape& shape) {
  std::vector<double> elements(static_cast<std::size_t>(shape.elements()));
  std::iota(elements.begin(), elements.end(), 0);
  return tensor(shape, std::move(elements));
}

}  // namespace tenon
