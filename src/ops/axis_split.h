#pragma once

#include <cstdint>

#include <tenon/shape.h>

namespace tenon {

/// A tensor seen as (outer, size, inner): some neighbouring axes, merged, in the middle. A line along them begins at
/// element line(o, i) and steps by `inner`.
struct AxisSplit {
  std::int64_t outer = 1, size = 1, inner = 1;

  std::int64_t line(std::int64_t o, std::int64_t i) const { return o * size * inner + i; }
};

/// Axes [first, last) in the middle.
inline AxisSplit split_around(const Shape& shape, int first, int last) {
  return {shape.elements(0, first), shape.elements(first, last), shape.elements(last, shape.rank())};
}

}  // namespace tenon
