#pragma once

#include <cstdint>

namespace tenon::cpu {

/// A tensor seen as (outer, size, inner): outer * inner lines of `size` elements that are `inner` apart.
struct Lines {
  std::int64_t outer = 1, size = 1, inner = 1;

  /// What can be computed apart: a line, or 16 neighbouring ones where inner is not 1.
  std::int64_t parts() const { return outer * ((inner + 15) / 16); }
};

/// Functions that keep the shape: every line by its own statistics.
struct LineFunction {
  enum class Kind : std::uint8_t {
    standardize,  ///< (x - mean) / sqrt(variance + epsilon) * gamma + beta
    divide_norm,  ///< x / sqrt(epsilon + the sum of squares)
    softmax,
    log_softmax,
  } kind = Kind::standardize;
  float epsilon = 0;
  const float* gamma = nullptr;  ///< of `standardize`
  const float* beta = nullptr;
  bool per_element = true;      ///< element i of a line has gamma[i]; otherwise line l has gamma[l % parameters]
  std::int64_t parameters = 1;  ///< only with inner = 1
};

/// Functions that leave one number of a line. A maximum or minimum is NaN where an element is.
enum class LineReduction : std::uint8_t { sum, mean, max, min };

// Parts [first, last). What map_lines() writes may lie where the data did.
namespace avx512 {
void map_lines(const Lines& lines, const LineFunction& function, const float* src, float* dst, std::int64_t first,
               std::int64_t last);
void reduce_lines(const Lines& lines, LineReduction reduction, const float* src, float* dst, std::int64_t first,
                  std::int64_t last);
}  // namespace avx512
namespace avx2 {
void map_lines(const Lines& lines, const LineFunction& function, const float* src, float* dst, std::int64_t first,
               std::int64_t last);
void reduce_lines(const Lines& lines, LineReduction reduction, const float* src, float* dst, std::int64_t first,
                  std::int64_t last);
}  // namespace avx2

}  // namespace tenon::cpu
