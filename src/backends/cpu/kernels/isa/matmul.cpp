// Matrix products: sums of a few rows by a panel of columns stay in registers. A weight that is read once sets the
// speed of one row; of many rows, multiplications do, so that the inner dimension goes in portions that stay in the
// cache.

#include "backends/cpu/kernels/matmul.h"

#include "backends/cpu/kernels/isa/epilogue_common.h"

namespace tenon::cpu::TENON_ISA {
namespace {

#ifdef __AVX512F__
constexpr int kTileRows = 14, kTileVectors = 2;  // 28 sums in 32 registers
#else
constexpr int kTileRows = 6, kTileVectors = 1;  // 12 sums in 16 registers
#endif
constexpr int kGroupRows = 8 * kTileRows;      // whose sums are kept while a portion of the inner dimension goes by
constexpr std::int64_t kInnerPortion = 512;    // 64 KB of a panel
constexpr std::int64_t kPrefetchBytes = 2048;  // ahead of the weight, which comes from far away

/// A few rows of data by kTileVectors vectors of columns; sums of one vector of columns are `pitch` floats apart.
struct TileWork {
  const float* src;
  std::int64_t row_stride;
  const void* panel;
  std::int64_t inner;
  float* sums;
  std::int64_t pitch;
  bool accumulate;
};

template <int rows, bool narrow>
void multiply(const TileWork& work) {
  constexpr int steps = rows == 1 ? 4 : 1;  // one row alone would wait for each sum
  Vec sums[steps][rows][kTileVectors];
#pragma GCC unroll 4
  for (int step = 0; step < steps; ++step) {
#pragma GCC unroll 14
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kTileVectors; ++v) sums[step][r][v] = zero();
    }
  }
  if (work.accumulate) {
#pragma GCC unroll 14
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kTileVectors; ++v) sums[0][r][v] = load(work.sums + v * work.pitch + r * kLanes);
    }
  }
  const auto step_at = [&](std::int64_t i, int step) __attribute__((always_inline)) {
    Vec weight[kTileVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kTileVectors; ++v) weight[v] = load_as(work.panel, i * kPanel + v * kLanes, narrow);
#pragma GCC unroll 14
    for (int r = 0; r < rows; ++r) {
      const Vec x = broadcast(work.src[r * work.row_stride + i]);
#pragma GCC unroll 2
      for (int v = 0; v < kTileVectors; ++v) sums[step][r][v] = fma(x, weight[v], sums[step][r][v]);
    }
  };
  std::int64_t i = 0;
  for (; i + 4 <= work.inner; i += 4) {
    const char* ahead = static_cast<const char*>(work.panel) + i * kPanel * (narrow ? 2 : 4) + kPrefetchBytes;
    for (int line = 0; line < (narrow ? 4 : 8); ++line) _mm_prefetch(ahead + line * 64, _MM_HINT_T0);
#pragma GCC unroll 4
    for (int step = 0; step < 4; ++step) step_at(i + step, step % steps);
  }
  for (; i < work.inner; ++i) step_at(i, 0);
#pragma GCC unroll 14
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kTileVectors; ++v) {
      Vec sum = sums[0][r][v];
#pragma GCC unroll 4
      for (int step = 1; step < steps; ++step) sum = add(sum, sums[step][r][v]);
      store(work.sums + v * work.pitch + r * kLanes, sum);
    }
  }
}

template <bool narrow, int rows = kTileRows>
void multiply_rows(int count, const TileWork& work) {
  if (count == rows) return multiply<rows, narrow>(work);
  if constexpr (rows > 1) multiply_rows<narrow, rows - 1>(count, work);
}

/// Rows [first, last), at most kGroupRows, by one panel.
template <bool narrow>
void multiply_group(const MatmulProblem& problem, const float* src, const void* panel, std::int64_t first,
                    std::int64_t last, float* sums) {
  const std::int64_t rows = last - first, tiles = (rows + kTileRows - 1) / kTileRows;
  const std::int64_t portion = tiles == 1 ? problem.inner : kInnerPortion, pitch = rows * kLanes;
  for (std::int64_t i = 0; i == 0 || i < problem.inner; i += portion) {
    const std::int64_t inner = lesser(portion, problem.inner - i);
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t from = rows * t / tiles, to = rows * (t + 1) / tiles;
      for (int v = 0; v < kPanel / kLanes; v += kTileVectors) {
        const std::int64_t weight = i * kPanel + v * kLanes;
        multiply_rows<narrow>(static_cast<int>(to - from),
                              {src + (first + from) * problem.row_stride + i, problem.row_stride,
                               static_cast<const char*>(panel) + weight * (narrow ? 2 : 4), inner,
                               sums + v * pitch + from * kLanes, pitch, i > 0});
      }
    }
  }
}

}  // namespace

void matmul(const MatmulProblem& problem, const float* src, const void* packed, const BoundEpilogue& epilogue,
            std::int64_t first_row, std::int64_t last_row, std::int64_t first, std::int64_t last) {
  alignas(64) float sums[kPanel / kLanes * kGroupRows * kLanes];
  const std::int64_t panel_bytes = problem.inner * kPanel * (problem.narrow_weight ? 2 : 4);
  for (std::int64_t panel = first; panel < last; ++panel) {
    const char* weight = static_cast<const char*>(packed) + panel * panel_bytes;
    for (std::int64_t row = first_row; row < last_row; row += kGroupRows) {
      const std::int64_t end = lesser(row + kGroupRows, last_row);
      (problem.narrow_weight ? multiply_group<true> : multiply_group<false>)(problem, src, weight, row, end, sums);
      for (int v = 0; v < kPanel / kLanes; ++v) {
        const std::int64_t column = panel * kPanel + v * kLanes;
        if (column >= problem.columns) break;
        Tile tile;
        tile.src = sums + v * (end - row) * kLanes;
        tile.rows = static_cast<int>(end - row);
        tile.offset = row * problem.columns + column;
        tile.stride = problem.columns;
        tile.channel = static_cast<int>(column);
        tile.lanes = static_cast<int>(lesser<std::int64_t>(kLanes, problem.columns - column));
        tile.padded = false;
        epilogue.apply(epilogue, tile);
      }
    }
  }
}

}  // namespace tenon::cpu::TENON_ISA
