#pragma once

// The innermost loops of every convolution: a tile of pixels times a panel of 16 filters, kept in registers. Plain
// structs, for files of kernels/isa/ too.

#include <cstdint>

#include "backends/cpu/kernels/epilogue_tile.h"

namespace tenon::cpu {

/// Where a tile goes from the registers: the epilogue writes its pixels one after the other from `offset` on. Only the
/// common form with one result in float32 and whole vectors of channels.
struct Finish {
  const BoundEpilogue* epilogue = nullptr;  ///< null: the sums go to memory as they are
  int channel = 0;
  std::int64_t offset = 0;
  std::int64_t offset_panel = 0;  ///< from a panel to the next

  static bool takes(const BoundEpilogue& epilogue) {
    const bool second = epilogue.second && epilogue.dst[1] != nullptr;
    return epilogue.common && !second && epilogue.narrow_outputs == 0 && !epilogue.narrow_residual;
  }
};

/// dst[pixel][filter] = sum over block, tap, channel of src[pixel + tap][block][channel] * weight[block][tap][channel]
/// [filter]. A tile is `rows` rows of neighbouring pixels, 16 channels of a pixel together; distances are in floats. In
/// avx512_bf16 a pair of bfloat16, neighbouring channels, takes the place of a float in sources and weights: 8 a block.
struct Multiply {
  const float* src = nullptr;          ///< of the first pixel, without a tap
  std::int64_t src_block = 0;          ///< from a block of 16 channels to the next
  std::int64_t src_row = 0;            ///< from a row of the tile to the next
  const std::int64_t* taps = nullptr;  ///< distances of the taps
  int tap_count = 1;
  int blocks = 1;
  int last_depth = 16;            ///< how many channels, or pairs, of the last block count; a multiple of 4
  const float* weight = nullptr;  ///< [block][tap][16][16]
  std::int64_t weight_panel = 0;  ///< from a panel to the next
  float* dst = nullptr;           ///< [pixel][16]
  std::int64_t dst_panel = 0;
  Finish finish;
};
using MultiplyKernel = void (*)(const Multiply& call);

/// The same from a row-major source with few channels: a tap is a channel and a place in the window, pixels are the
/// stride apart. weight[tap][filter].
struct MultiplyPlanar {
  const float* src = nullptr;
  const std::int64_t* taps = nullptr;
  int tap_count = 1;
  const float* weight = nullptr;
  float* dst = nullptr;
  Finish finish;
};
using MultiplyPlanarKernel = void (*)(const MultiplyPlanar& call);

// For one instruction set each: the kernel of that shape, null where there is none. There is one for every tile of
// rows * columns <= max_pixels with one row, or with up to 4 rows of at least two columns; two panels take half the
// pixels and one row. Planar ones come in a few widths for strides 1, 2 and 4.
namespace avx512 {
inline constexpr int kMaxPixels = 28;
MultiplyKernel multiply_kernel(int rows, int columns, int panels);
MultiplyPlanarKernel multiply_planar_kernel(int stride, int columns);
}  // namespace avx512
namespace avx512_bf16 {
inline constexpr int kMaxPixels = avx512::kMaxPixels;
MultiplyKernel multiply_kernel(int rows, int columns, int panels);
}  // namespace avx512_bf16
namespace avx2 {
inline constexpr int kMaxPixels = 6;
MultiplyKernel multiply_kernel(int rows, int columns, int panels);
MultiplyPlanarKernel multiply_planar_kernel(int stride, int columns);
}  // namespace avx2

}  // namespace tenon::cpu
