#pragma once

// A window on every channel of its own: plain structs, for files of kernels/isa/ too.

#include <cstdint>

#include "backends/cpu/kernels/epilogue_tile.h"

namespace tenon::cpu {

/// A map of 16 channels and the window that slides over it.
struct DepthwiseMap {
  int src_height = 0, src_width = 0, dst_width = 0;
  int kernel_y = 0, kernel_x = 0, stride_y = 1, stride_x = 1, dilate_y = 1, dilate_x = 1, pad_y = 0, pad_x = 0;
};

/// Row `y` of the output through the epilogue. `src` is the map, weight[tap][16]; `out` says where the row begins, its
/// channel and lanes. The map is of floats or, in avx512_bf16, of bfloat16.
using DepthwiseRow = void (*)(const DepthwiseMap& map, const void* src, const float* weight, int y,
                              const BoundEpilogue& epilogue, const Tile& out);

// For one instruction set each: the kernel for that window.
namespace avx512 {
DepthwiseRow depthwise_row(const DepthwiseMap& map);
}
namespace avx512_bf16 {
DepthwiseRow depthwise_row(const DepthwiseMap& map);
}
namespace avx2 {
DepthwiseRow depthwise_row(const DepthwiseMap& map);
}

}  // namespace tenon::cpu
