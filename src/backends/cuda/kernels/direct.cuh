// Convolution of few channels by ordinary multiplications in fp32, where most of a tensor core's tile would be empty. It
// also does what stands around such a layer in a small network: the input may be the user's float32 planes as they are
// (kFromPlanes), a max-pool may follow (kPoolH × kPoolW; 1×1 is none), the results may be float32 planes (kToPlanes).
//
// A block makes a tile of one image. The tile's part of the input lies in shared memory, a plane a channel, whatever it is
// stored as. A thread makes kRun neighbouring results of kGroup channels; all threads of a warp have the same channels, so
// that a weight is one read for all of them.
//
// Generated: kImages, kSrcChannels, kSrcH, kSrcW, kChannels, kKernelH, kKernelW, kStrideY, kStrideX, kPadY, kPadX; kConvH, kConvW
// (of the convolution), kPoolH, kPoolW, kPoolStrideY, kPoolStrideX, kPoolPadY, kPoolPadX, kDstH, kDstW (of the results);
// kFromPlanes, kToPlanes; kGroup (a multiple of 4; of kUnit where there are several groups), kGroupsOfBlock, kRun, kTileW,
// kTileH (threads), kPixelThreads (whole warps), kBlocksPerSm (that registers suffice for: left to itself ptxas spills some).
// Weights: fp32 (groups of channels, kSrcChannels, taps, kGroup). Grid: images × tiles × blocks of groups, kPixelThreads ×
// kGroupsOfBlock threads.

constexpr int kSrcPixels = kSrcH * kSrcW, kSrcUnits = div_up(kSrcChannels, kUnit), kTaps = kKernelH * kKernelW;
constexpr int kGroupBlocks = div_up(kChannels, kGroup) / kGroupsOfBlock, kThreads = kPixelThreads * kGroupsOfBlock;
constexpr int kTilesX = div_up(kDstW, kTileW * kRun), kTilesY = div_up(kDstH, kTileH);
constexpr bool kPools = kPoolH * kPoolW > 1;

// The results of the convolution that a thread makes, and what of the input it reads for them.
constexpr int kRows = kPoolH, kColumns = (kRun - 1) * kPoolStrideX + kPoolW;
constexpr int kReadH = (kRows - 1) * kStrideY + kKernelH, kReadW = (kColumns - 1) * kStrideX + kKernelW;
constexpr int kStepY = kPoolStrideY * kStrideY, kStepX = kRun * kPoolStrideX * kStrideX;  // from thread to thread
/// Neighbours that one access reads: as many as every thread's first one is aligned to.
constexpr int kVector = kStepX % 4 == 0 ? 4 : kStepX % 2 == 0 ? 2 : 1;

constexpr int kPatchH = (kTileH - 1) * kStepY + kReadH, kPatchW = (kTileW - 1) * kStepX + kReadW;
constexpr int kPitch = round_up((kTileW - 1) * kStepX + round_up(kReadW, kVector), 4);
constexpr int kWeights = kSrcChannels * kTaps * kGroup;  // of a group

TENON_DEVICE void load_weights(float* weights, const void* from) {
  const float4* source = static_cast<const float4*>(from);
  for (int i = threadIdx.x; i < kGroupsOfBlock * kWeights / 4; i += kThreads) {
    reinterpret_cast<float4*>(weights)[i] = __ldg(source + i);
  }
}

/// One element of a plane, or one unit of the blocks, an access; zeros beyond the edge.
TENON_DEVICE void load_patch(float* patch, const void* src, int n, int first_y, int first_x) {
  constexpr int kParts = kFromPlanes ? kSrcChannels : kSrcUnits;
#pragma unroll 4
  for (int i = threadIdx.x; i < kParts * kPatchH * kPatchW; i += kThreads) {
    const int part = i / (kPatchH * kPatchW), y = i / kPatchW % kPatchH, x = i % kPatchW;
    const int src_y = first_y + y, src_x = first_x + x;
    const bool inside = src_y >= 0 && src_y < kSrcH && src_x >= 0 && src_x < kSrcW;
    const int at = (n * kParts + part) * kSrcPixels + (inside ? src_y * kSrcW + src_x : 0);
    if constexpr (kFromPlanes) {
      patch[(part * kPatchH + y) * kPitch + x] = inside ? __ldcg(static_cast<const float*>(src) + at) : 0.0f;
    } else {
      const Unit unit = unpack_unit(inside ? load_unit(src, at) : uint4{0, 0, 0, 0});
#pragma unroll
      for (int c = 0; c < kUnit; ++c) {
        if (part * kUnit + c < kSrcChannels) patch[((part * kUnit + c) * kPatchH + y) * kPitch + x] = unit.v[c];
      }
    }
  }
}

/// What a thread reads of a plane of the patch.
using Window = float[kReadH][round_up(kReadW, kVector)];

TENON_DEVICE void load_window(Window& window, const float* from) {
#pragma unroll
  for (int y = 0; y < kReadH; ++y) {
#pragma unroll
    for (int x = 0; x < kReadW; x += kVector) {
      if constexpr (kVector == 4) {
        const float4 v = *reinterpret_cast<const float4*>(from + y * kPitch + x);
        window[y][x] = v.x;
        window[y][x + 1] = v.y;
        window[y][x + 2] = v.z;
        window[y][x + 3] = v.w;
      } else if constexpr (kVector == 2) {
        const float2 v = *reinterpret_cast<const float2*>(from + y * kPitch + x);
        window[y][x] = v.x;
        window[y][x + 1] = v.y;
      } else {
        window[y][x] = from[y * kPitch + x];
      }
    }
  }
}

using Sums = float[kRows][kColumns][kGroup];

/// Adds a tap of the filter to all results: its weights are read once.
TENON_DEVICE void add_tap(Sums& sums, const Window& window, int tap_y, int tap_x, const float* weights) {
  float w[kGroup];
#pragma unroll
  for (int c = 0; c < kGroup; c += 4) {
    const float4 v = *reinterpret_cast<const float4*>(weights + c);
    w[c] = v.x;
    w[c + 1] = v.y;
    w[c + 2] = v.z;
    w[c + 3] = v.w;
  }
#pragma unroll
  for (int y = 0; y < kRows; ++y) {
#pragma unroll
    for (int x = 0; x < kColumns; ++x) {
      const float value = window[y * kStrideY + tap_y][x * kStrideX + tap_x];
#pragma unroll
      for (int c = 0; c < kGroup; ++c) sums[y][x][c] = fmaf(value, w[c], sums[y][x][c]);
    }
  }
}

TENON_DEVICE void multiply(Sums& sums, const float* patch, const float* weights) {
#pragma unroll 1
  for (int channel = 0; channel < kSrcChannels; ++channel) {
    Window window;
    load_window(window, patch);
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap) {
      add_tap(sums, window, tap / kKernelW, tap % kKernelW, weights + tap * kGroup);
    }
    patch += kPatchH * kPitch;
    weights += kTaps * kGroup;
  }
}

/// The results of a thread: the sums themselves, or the maxima of what the convolution's expressions make of them.
TENON_DEVICE void pool(float (&results)[kRun][kGroup], const Pointers& p, const Sums& sums, int channel0, int conv_y,
                       int conv_x) {
#pragma unroll
  for (int c = 0; c < kGroup; ++c) {
    float v[Side::kOperands + 1], y[Side::kOutputs];
    if constexpr (kPools) {
#pragma unroll
      for (int k = 0; k < Side::kOperands; ++k) {
        v[k] = __ldg(static_cast<const float*>(Side::operand(p, k)) + channel0 + c);
      }
    }
#pragma unroll
    for (int i = 0; i < kRun; ++i) {
      if constexpr (!kPools) {
        results[i][c] = sums[0][i][c];
        continue;
      }
      float most = __uint_as_float(0xff800000u);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
#pragma unroll
        for (int x = i * kPoolStrideX; x < i * kPoolStrideX + kPoolW; ++x) {
          Side::apply(sums[r][x][c], v, y);
          const bool inside = conv_y + r >= 0 && conv_y + r < kConvH && conv_x + x >= 0 && conv_x + x < kConvW;
          most = inside ? max_nan(most, y[0]) : most;
        }
      }
      results[i][c] = most;
    }
  }
}

TENON_DEVICE void store_blocks(const Pointers& p, const float (&result)[kGroup], int n, int channel0, int pixel) {
#pragma unroll
  for (int u = 0; u < div_up(kGroup, kUnit); ++u) {
    const int plane = channel0 / kUnit + u;
    if (plane >= kDstUnits) continue;
    Unit unit;
#pragma unroll
    for (int c = 0; c < kUnit; ++c) unit.v[c] = u * kUnit + c < kGroup ? result[smaller(u * kUnit + c, kGroup - 1)] : 0;
    finish_unit<Main>(p, unit, {n, plane, pixel}, (n * kDstUnits + plane) * kDstPixels + pixel);
  }
}

/// All operands are one value a channel.
TENON_DEVICE void store_planes(const Pointers& p, const float (&result)[kGroup], int n, int channel0, int pixel) {
#pragma unroll
  for (int c = 0; c < kGroup; ++c) {
    const int channel = channel0 + c;
    if (channel >= kChannels) continue;
    float v[Main::kOperands + 1], y[Main::kOutputs];
#pragma unroll
    for (int k = 0; k < Main::kOperands; ++k) v[k] = __ldg(static_cast<const float*>(Main::operand(p, k)) + channel);
    Main::apply(result[c], v, y);
#pragma unroll
    for (int i = 0; i < Main::kOutputs; ++i) {
      if (Main::stored(i)) static_cast<float*>(Main::dst(p, i))[(n * kChannels + channel) * kDstPixels + pixel] = y[i];
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, kBlocksPerSm) tenon_kernel(const __grid_constant__ Pointers p) {
  __shared__ __align__(16) float patch[kSrcChannels * kPatchH * kPitch];
  __shared__ __align__(16) float weights[kGroupsOfBlock * kWeights];
  const int groups = blockIdx.x % kGroupBlocks, tile = blockIdx.x / kGroupBlocks;
  const int n = tile / (kTilesX * kTilesY), tile_y = tile / kTilesX % kTilesY, tile_x = tile % kTilesX;
  load_weights(weights, static_cast<const float*>(p.weight) + groups * kGroupsOfBlock * kWeights);
  wait_for_predecessor();
  launch_dependents();
  const int first_y = tile_y * kTileH * kPoolStrideY - kPoolPadY;
  const int first_x = tile_x * kTileW * kRun * kPoolStrideX - kPoolPadX;
  load_patch(patch, p.src, n, first_y * kStrideY - kPadY, first_x * kStrideX - kPadX);
  __syncthreads();

  const int group = threadIdx.x / kPixelThreads, thread = threadIdx.x % kPixelThreads;
  const int y = thread / kTileW, x = thread % kTileW;
  const int dst_y = tile_y * kTileH + y, dst_x = (tile_x * kTileW + x) * kRun;
  if (y >= kTileH || dst_y >= kDstH || dst_x >= kDstW) return;
  Sums sums = {};
  multiply(sums, patch + y * kStepY * kPitch + x * kStepX, weights + group * kWeights);

  const int channel0 = (groups * kGroupsOfBlock + group) * kGroup;
  float results[kRun][kGroup];
  pool(results, p, sums, channel0, first_y + y * kPoolStrideY, first_x + x * kRun * kPoolStrideX);
#pragma unroll
  for (int i = 0; i < kRun; ++i) {
    if (dst_x + i >= kDstW) continue;
    if constexpr (kToPlanes) {
      store_planes(p, results[i], n, channel0, dst_y * kDstW + dst_x + i);
    } else {
      store_blocks(p, results[i], n, channel0, dst_y * kDstW + dst_x + i);
    }
  }
}
