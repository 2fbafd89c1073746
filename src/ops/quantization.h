#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "graph/op.h"
#include "ops/arithmetic.h"

namespace tenon {

// A quantized tensor is integers and a range, two float32 of shape (1,): the real numbers that the least and the
// greatest integer stand for. What follows keeps MXNet's own steps, in float: its oneDNN code counts 127.5 or 255.5
// levels from zero to the end of a range where its own kernels, and the definition, count 127 or 255.

inline float levels(DType dtype) {
  return dtype == DType::uint8 ? 255.0f : dtype == DType::int8 ? 127.0f : 2147483647.0f;
}
inline float half_levels(DType dtype) {
  return dtype == DType::uint8 ? 255.5f : dtype == DType::int8 ? 127.5f : 2147483647.0f;
}

/// The real numbers at the ends of the integers.
struct Range {
  float low, high;
};

inline float magnitude(Range range) {
  return std::max(std::abs(range.low), std::abs(range.high));
}

/// The larger end of the range held in inputs `low` and `high`.
inline float magnitude(const Operands& operands, int low, int high) {
  return magnitude({*operands.in<float>(low), *operands.in<float>(high)});
}

/// To the nearest integer, halves to even, limited to the element type; NaN to 0.
inline double saturated(double value, DType dtype) {
  if (std::isnan(value)) return 0;
  const double least = dtype == DType::uint8 ? 0 : dtype == DType::int8 ? -128 : -0x1p31;
  const double greatest = dtype == DType::uint8 ? 255 : dtype == DType::int8 ? 127 : 0x1p31 - 1;
  return std::clamp(std::nearbyint(value), least, greatest);
}

/// Writes the range of a result to outputs 1 and 2.
inline void put_range(const Operands& operands, Range range) {
  if (operands.dst[1] != nullptr) *operands.out<float>(1) = range.low;
  if (operands.dst[2] != nullptr) *operands.out<float>(2) = range.high;
}

/// The attributes min_calib_range and max_calib_range, and what they say: empty unless both are given.
std::vector<AttributeSpec> calibration_attributes();
std::optional<Range> calibrated_range(const Attributes& attributes);

/// Inputs from `first` on, and outputs from 1 on, are ends of ranges: (1,) and float32.
void infer_range_shapes(ShapeInference& shapes, int first);
void infer_range_types(TypeInference& types, int first);

/// Refuses an input that is neither int8 nor uint8.
void require_quantized(const TypeInference& types, int input);

/// The outputs of most quantized operators.
Names quantized_outputs();

}  // namespace tenon
