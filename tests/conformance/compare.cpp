#include "conformance/compare.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "core/dispatch.h"

namespace tenon::conformance {
namespace {

/// "(0,2,1)" for a flat index.
std::string index_text(std::int64_t flat, const Shape& shape) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[static_cast<std::size_t>(axis)] = flat % shape[axis];
    flat /= shape[axis];
  }
  return Shape(std::move(index)).str();
}

/// Exact where the difference of two int64 would not fit a double.
template <class T>
double distance(T a, T b) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    return static_cast<double>(a > b ? static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)
                                     : static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a));
  } else {
    const auto x = static_cast<double>(load(a)), y = static_cast<double>(load(b));
    if (x == y || (std::isnan(x) && std::isnan(y))) return 0;
    const double error = std::abs(x - y);
    return std::isnan(error) ? INFINITY : error;
  }
}

template <class T>
std::optional<std::string> element_difference(const Tensor& value, const Tensor& golden, double rtol, double atol) {
  const T* actual = value.data<T>();
  const T* wanted = golden.data<T>();
  std::int64_t bad = 0, first = -1;
  double worst = 0, tolerance = 0;
  for (std::int64_t i = 0; i < value.elements(); ++i) {
    const double magnitude = std::abs(static_cast<double>(load(wanted[i])));
    const double allowed = atol + (rtol != 0 && std::isfinite(magnitude) ? rtol * magnitude : 0);
    const double error = distance(actual[i], wanted[i]);
    if (error <= allowed) continue;
    if (bad++ == 0) first = i;
    if (error > worst) {
      worst = error;
      tolerance = allowed;
    }
  }
  if (bad == 0) return {};
  return fmt::format("max error {:.3g}, tolerance {:.3g}, {} of {} elements bad, first at {}: {} instead of {}", worst,
                     tolerance, bad, value.elements(), index_text(first, value.shape()),
                     static_cast<double>(load(actual[first])), static_cast<double>(load(wanted[first])));
}

std::optional<std::string> difference_from(const Tensor& value, const Tensor& golden, double rtol, double atol) {
  if (value.shape() != golden.shape()) {
    return fmt::format("shape {} instead of {}", value.shape().str(), golden.shape().str());
  }
  if (value.dtype() != golden.dtype()) {
    return fmt::format("type {} instead of {}", name(value.dtype()), name(golden.dtype()));
  }
  return dispatch(value.dtype(), [&]<class T>() { return element_difference<T>(value, golden, rtol, atol); });
}

}  // namespace

std::optional<std::string> difference(const Tensor& value, const Expectation& expected) {
  auto reason = difference_from(value, expected.golden, expected.rtol, expected.atol);
  if (reason && !expected.alternative.empty() &&
      !difference_from(value, expected.alternative, expected.rtol, expected.atol)) {
    return {};
  }
  return reason;
}

double max_magnitude(const Tensor& tensor) {
  double largest = 0;
  dispatch(tensor.dtype(), [&]<class T>() {
    const T* src = tensor.data<T>();
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      const double magnitude = std::abs(static_cast<double>(load(src[i])));
      if (std::isfinite(magnitude)) largest = std::max(largest, magnitude);
    }
  });
  return largest;
}

}  // namespace tenon::conformance
