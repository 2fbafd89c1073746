#pragma once

#include <cmath>
#include <limits>
#include <numbers>

namespace tenon {

/// log |gamma(x)|. Unlike std::lgamma it writes no global sign, so that threads may call it.
inline float log_gamma(float x) {
  int sign = 0;
  return ::lgammaf_r(x, &sign);
}
inline double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

/// The y with erf(y) = x: infinite at -1 and 1, NaN beyond.
inline double inverse_erf(double x) {
  const double rest = 1 - std::abs(x);
  if (!(rest >= 0)) return std::numeric_limits<double>::quiet_NaN();
  if (rest == 0) return std::copysign(std::numeric_limits<double>::infinity(), x);
  // Winitzki's approximation, good to 2e-3, sharpened by Halley's method. In the tail erfc keeps the digits that erf
  // loses.
  constexpr double a = 0.147;
  const double logarithm = std::log(rest * (1 + std::abs(x)));
  const double half = 2 / (std::numbers::pi * a) + logarithm / 2;
  double y = std::sqrt(std::sqrt(half * half - logarithm / a) - half);
  for (int step = 0; step < 3; ++step) {
    const double error = rest < 0.5 ? rest - std::erfc(y) : std::erf(y) - std::abs(x);
    const double newton = error / (2 * std::numbers::inv_sqrtpi * std::exp(-y * y));
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}

}  // namespace tenon
