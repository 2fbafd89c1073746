#pragma once

// Winograd's transforms of 3x3 windows: plain structs, for files of kernels/isa/ too.

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

/// Tiles `first` to `first + count` of a block of channels: dst[point][tile][16], points `point` floats apart. `src` is
/// the block in the first image.
using WinogradInput = void (*)(const WinogradMap& map, const float* src, int first, int count, float* dst,
                               std::int64_t point);
/// The way back: from src[point][tile][16] through the epilogue. `out` says where the block of filters lies in the
/// first image, its channel and its lanes.
using WinogradOutput = void (*)(const WinogradMap& map, const float* src, std::int64_t point, int first, int count,
                                const BoundEpilogue& epilogue, const Tile& out);

struct WinogradTransforms {
  WinogradInput input = nullptr;
  WinogradOutput output = nullptr;
};

// For one instruction set each: the transforms of tiles of rows x columns outputs, 2 to 4 each (not 2x3, 3x2).
namespace avx512 {
WinogradTransforms winograd_transforms(int rows, int columns);
}
namespace avx2 {
WinogradTransforms winograd_transforms(int rows, int columns);
}

}  // namespace tenon::cpu
