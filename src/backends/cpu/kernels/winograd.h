#pragma once

// Winograd's transforms: plain structs, for files of kernels/isa/ too.

#include <cstdint>

#include "backends/cpu/kernels/epilogue_tile.h"

namespace tenon::cpu {

/// A part of the output map, cut into tiles, numbered over the images, then rows, then columns.
struct WinogradMap {
  int src_height = 0, src_width = 0;
  int dst_height = 0, dst_width = 0;
  int pad_y = 0, pad_x = 0;
  int first_y = 0, first_x = 0;  ///< the output pixel where the part begins
  int tiles_y = 0, tiles_x = 0;
  std::int64_t src_image = 0, dst_image = 0;  ///< elements from an image to the next
};

/// Tiles `first` to `first + count` of a block of channels: dst[point][tile][16], points `point` elements apart. `src`
/// is the block in the first image. Both are floats or, in avx512_bf16, bfloat16.
using WinogradInput = void (*)(const WinogradMap& map, const void* src, int first, int count, void* dst,
                               std::int64_t point);
/// The way back: from src[point][tile][16] through the epilogue. `out` says where the block of filters lies in the
/// first image, its channel and its lanes.
using WinogradOutput = void (*)(const WinogradMap& map, const float* src, std::int64_t point, int first, int count,
                                const BoundEpilogue& epilogue, const Tile& out);

struct WinogradTransforms {
  WinogradInput input = nullptr;
  WinogradOutput output = nullptr;
};

// Stride 2 by phases: point p of (outputs + 1)^2 sums over one, two or four of the phases (rows and columns even or
// odd), which lie in slots one after the other.
constexpr int phase_count(int outputs, int p) {
  const int points = outputs + 1;
  return (p / points == outputs ? 1 : 2) * (p % points == outputs ? 1 : 2);
}
/// The slot of a phase of point p.
constexpr int phase_slot(int outputs, int p, int odd_y, int odd_x) {
  int slot = p % (outputs + 1) == outputs ? odd_y : odd_y * 2 + odd_x;
  for (int q = 0; q < p; ++q) slot += phase_count(outputs, q);
  return slot;
}

// For one instruction set each: the transforms of tiles of rows x columns outputs, 2 to 4 each (not 2x3, 3x2) or
// 6x6; of 4x4 outputs under 4x4 taps; of 2 outputs in a line under 7 taps or 4 under 3; of 2x2 or 4x4 outputs with
// stride 2, whose input goes to slots.
namespace avx512 {
WinogradTransforms winograd_transforms(int rows, int columns);
WinogradTransforms winograd_stem_transforms();
WinogradTransforms winograd_line_transforms(int taps_y, int taps_x);
WinogradTransforms winograd_phase_transforms(int outputs);
}  // namespace avx512
namespace avx512_bf16 {
WinogradTransforms winograd_transforms(int rows, int columns);
WinogradTransforms winograd_stem_transforms();
WinogradTransforms winograd_line_transforms(int taps_y, int taps_x);
WinogradTransforms winograd_phase_transforms(int outputs);
}  // namespace avx512_bf16
namespace avx2 {
WinogradTransforms winograd_transforms(int rows, int columns);
WinogradTransforms winograd_stem_transforms();
WinogradTransforms winograd_line_transforms(int taps_y, int taps_x);
WinogradTransforms winograd_phase_transforms(int outputs);
}  // namespace avx2

}  // namespace tenon::cpu
