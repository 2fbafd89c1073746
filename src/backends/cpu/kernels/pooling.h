#pragma once

#include <cstdint>

#include "backends/cpu/kernels/epilogue_tile.h"

namespace tenon::cpu {

/// Windows over (N, ⌈C/16⌉, depth, height, width, 16). What a window has outside of the data is never read; a window
/// without an element gives the lowest number as a maximum, else zero.
struct PoolingProblem {
  enum class Type : std::uint8_t { max, average, sum, lp } type = Type::max;
  bool count_pad = true;  ///< an average counts the `pad` elements on each side as zeros, but nothing behind them
  int power = 2;          ///< of lp: 1, 2 or 3
  std::int64_t batch = 1, channels = 1;
  std::int64_t src[3] = {1, 1, 1}, dst[3] = {1, 1, 1};
  std::int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0};
  bool narrow_src = false;     ///< the data lie as bfloat16
  bool row_major_dst = false;  ///< the result lies row-major; only where it has one element a channel

  /// What can be computed apart: rows of results.
  std::int64_t rows() const { return batch * ((channels + 15) / 16) * dst[0] * dst[1]; }
};

// Rows [first, last) of the result.
namespace avx512 {
void pool(const PoolingProblem& problem, const void* src, const BoundEpilogue& epilogue, std::int64_t first,
          std::int64_t last);
}
namespace avx2 {
void pool(const PoolingProblem& problem, const void* src, const BoundEpilogue& epilogue, std::int64_t first,
          std::int64_t last);
}

}  // namespace tenon::cpu
