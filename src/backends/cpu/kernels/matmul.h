#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/kernels/epilogue_tile.h"

namespace tenon::cpu {

inline constexpr int kPanel = 32;  ///< columns of a packed weight that lie side by side

/// Rows of data times the transpose of a weight (columns, inner). The weight is packed in panels of 32 columns,
/// (⌈columns/32⌉, inner, 32), zeros behind the last column.
struct MatmulProblem {
  std::int64_t rows = 1, inner = 1, columns = 1;
  std::int64_t row_stride = 1;  ///< elements from one row of data to the next
  bool narrow_weight = false;   ///< the panels hold bfloat16

  std::int64_t panels() const { return (columns + kPanel - 1) / kPanel; }
  std::int64_t packed_elements() const { return panels() * inner * kPanel; }
};

/// Packs panels [first, last) of a weight whose element (column, i) lies at column * column_stride + i * inner_stride.
void pack_matmul_weight(const MatmulProblem& problem, const float* weight, std::int64_t column_stride,
                        std::int64_t inner_stride, void* packed, std::int64_t first, std::int64_t last);

// Rows [first_row, last_row) and panels [first, last) of the result, which lies row-major.
namespace avx512 {
void matmul(const MatmulProblem& problem, const float* src, const void* packed, const BoundEpilogue& epilogue,
            std::int64_t first_row, std::int64_t last_row, std::int64_t first, std::int64_t last);
}
namespace avx2 {
void matmul(const MatmulProblem& problem, const float* src, const void* packed, const BoundEpilogue& epilogue,
            std::int64_t first_row, std::int64_t last_row, std::int64_t first, std::int64_t last);
}

}  // namespace tenon::cpu
