#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "core/half.h"
#include "graph/graph.h"
#include "ops/data_refusal.h"

namespace tenon {

/// False while the rank of input i is unknown; refuses any other rank than the one `layout` spells: "(batch, 5)".
inline bool has_rank(const ShapeInference& shapes, int i, int rank, std::string_view layout) {
  const Shape& shape = shapes.in(i);
  if (!shape.has_rank()) return false;
  if (shape.rank() != rank) {
    shapes.refuse("input {} has shape {}, but {} dimensions {} are expected", i, shape.str(), rank, layout);
  }
  return true;
}

/// A number that came with the data as an index: truncated, far out of every tensor where it fits none.
template <class A>
std::int64_t to_index(A value) {
  constexpr std::int64_t limit = std::int64_t{1} << 40;
  if (!(std::abs(value) < static_cast<A>(limit))) return value > 0 ? limit : -limit;
  return static_cast<std::int64_t>(value);
}

/// Sorts indices by falling score, NaN last, ties by index: a strict order whatever the scores are.
template <class A>
void sort_by_score(std::int32_t* first, std::int32_t* last, const A* scores) {
  std::sort(first, last, [scores](std::int32_t a, std::int32_t b) {
    const A x = scores[a], y = scores[b];
    if (std::isnan(x) || std::isnan(y)) return std::isnan(x) == std::isnan(y) ? a < b : std::isnan(y);
    return x != y ? x > y : a < b;
  });
}

/// One image plane.
template <class T>
struct Plane {
  const T* data;
  std::int64_t height, width;

  bool holds(std::int64_t y, std::int64_t x) const { return y >= 0 && y < height && x >= 0 && x < width; }
  arithmetic_t<T> at(std::int64_t y, std::int64_t x) const { return load(data[y * width + x]); }
  arithmetic_t<T> or_zero(std::int64_t y, std::int64_t x) const { return holds(y, x) ? at(y, x) : arithmetic_t<T>{0}; }
};

/// The bilinear mean of the four pixels around (y, x), pixels outside counting as zero.
template <class T>
arithmetic_t<T> bilinear_or_zero(const Plane<T>& plane, arithmetic_t<T> y, arithmetic_t<T> x) {
  using A = arithmetic_t<T>;
  const std::int64_t top = to_index(std::floor(y)), left = to_index(std::floor(x));
  const A below = y - static_cast<A>(top), right = x - static_cast<A>(left);
  return plane.or_zero(top, left) * (1 - below) * (1 - right) + plane.or_zero(top, left + 1) * (1 - below) * right +
         plane.or_zero(top + 1, left) * below * (1 - right) + plane.or_zero(top + 1, left + 1) * below * right;
}

/// The same with coordinates and neighbours pulled to the nearest pixel inside; zero on a plane without pixels. (y, x)
/// must not be NaN.
template <class T>
arithmetic_t<T> bilinear_clamped(const Plane<T>& plane, arithmetic_t<T> y, arithmetic_t<T> x) {
  using A = arithmetic_t<T>;
  if (plane.height == 0 || plane.width == 0) return 0;
  y = std::clamp(y, A{0}, static_cast<A>(plane.height - 1));
  x = std::clamp(x, A{0}, static_cast<A>(plane.width - 1));
  const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
  const std::int64_t bottom = std::min(top + 1, plane.height - 1), right = std::min(left + 1, plane.width - 1);
  const A dy = y - static_cast<A>(top), dx = x - static_cast<A>(left);
  return plane.at(top, left) * (1 - dy) * (1 - dx) + plane.at(top, right) * (1 - dy) * dx +
         plane.at(bottom, left) * dy * (1 - dx) + plane.at(bottom, right) * dy * dx;
}

}  // namespace tenon
