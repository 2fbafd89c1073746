// A matrix transposed, a square of 16 by 16 at a time.

#include "backends/cpu/kernels/turn.h"

#include "backends/cpu/kernels/isa/transpose.h"

namespace tenon::cpu::TENON_ISA {

void turn(const Turn& turn, const float* src, float* dst) {
  Vec square[16];
  for (std::int64_t row = 0; row < turn.rows; row += kLanes) {
    const int rows = static_cast<int>(lesser<std::int64_t>(kLanes, turn.rows - row));
    const Mask row_mask = first_lanes(rows);
    for (std::int64_t column = 0; column < turn.columns; column += kLanes) {
      const int columns = static_cast<int>(lesser<std::int64_t>(kLanes, turn.columns - column));
      const Mask column_mask = first_lanes(columns);
      const float* from = src + row * turn.src_stride + column;
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) square[r] = r < rows ? load(from + r * turn.src_stride, column_mask) : zero();
      transpose(square);
      float* to = dst + column * turn.dst_stride + row;
#pragma GCC unroll 16
      for (int c = 0; c < kLanes; ++c) {
        if (c < columns) store(to + c * turn.dst_stride, square[c], row_mask);
      }
    }
  }
}

}  // namespace tenon::cpu::TENON_ISA
