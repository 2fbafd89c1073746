// The first layers of a ResNet in one kernel: 7×7 convolution with stride 2 of up to four fp32 planes as the user gives
// them, its epilogue, 3×3 max-pool with stride 2, the pool's epilogue. Two neighbouring pixels of four channels are 16
// bytes, so a filter row of 7 is 4 units of K (the weights are packed so, zeros where pair and filter do not meet).
//
// For few images: a block makes 7×7 pooled pixels of 32 channels. Side is the convolution's epilogue (its operands one
// value a channel), Main the pool's.
// Generated: kSrcChannels, kSrcH, kSrcW (even), kConvH, kConvW, kDstH, kDstW, kChannels, kBlockN = 32.
// Grid: (images × tiles, ⌈kChannels / 32⌉), 256 threads.

constexpr int kWeightBytes = 7 * 4 * kBlockN * 16;
constexpr int kPatchBytes = kPatchH * kPatchPairs * 16;
constexpr int kPixelPitch = 80;  // 32 channels and padding, against bank conflicts
constexpr int kConvBytes = 256 * kPixelPitch;

/// Two pixels of the four channels, as the tensor core wants them.
TENON_DEVICE uint4 pack_pixels(const Pair (&c)[4]) {
  return {pack16(c[0].a, c[1].a), pack16(c[2].a, c[3].a), pack16(c[0].b, c[1].b), pack16(c[2].b, c[3].b)};
}

TENON_DEVICE void load_patch(const float* image, u32 patch, int first_y, int first_pair) {
  load_patch(image, first_y, first_pair,
             [patch](int id, const Pair (&c)[4]) { store_shared_unit(patch + id * 16, pack_pixels(c)); });
}

/// Leaves the convolution's results as (16×16 pixels, 32 channels) for the pool; outside them no maximum is.
TENON_DEVICE void leave(const float (&acc)[2][16], const Fetched<Side> (&operands)[4], char* conv, int first_y,
                        int first_x, int group, int warp, int lane) {
#pragma unroll
  for (int q = 0; q < 2; ++q) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int y = group * 8 + warp * 2 + h, x = q * 8 + lane / 4;
      const bool inside = first_y + y >= 0 && first_x + x >= 0 && first_y + y < kConvH && first_x + x < kConvW;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float* a = &acc[q][j * 4 + h * 2];
        const Pair v = finish<Side>(Pointers{}, {a[0], a[1]}, operands[j], 0, 0, false);
        const float none = __uint_as_float(0xff800000u);
        *reinterpret_cast<u32*>(conv + (y * 16 + x) * kPixelPitch + (j * 8 + lane % 4 * 2) * 2) =
            inside ? pack16(v.a, v.b) : pack16(none, none);
      }
    }
  }
}

/// The pooled unit that a thread makes.
struct Pooled {
  int y, x, unit, channel, at;
  bool there;
  Fetched<Main> operands[4];

  TENON_DEVICE void locate(int n, int first_y, int first_x) {
    const int pixel = threadIdx.x % 49;
    unit = threadIdx.x / 49;
    y = pixel / 7;
    x = pixel % 7;
    channel = blockIdx.y * kBlockN + unit * 8;
    there = threadIdx.x < 4 * 49 && first_y + y < kDstH && first_x + x < kDstW && channel < round_up(kChannels, kUnit);
    at = element_of<kDstPixels>(n, channel, (first_y + y) * kDstW + first_x + x);
  }
  template <Which W>
  TENON_DEVICE void prefetch(const Pointers& p) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      if (there) fetch<Main, W>(operands[c], p, channel + 2 * c, at + 2 * c, true);
    }
  }
  TENON_DEVICE void make(const Pointers& p, const char* conv) const {
    if (!there) return;
    u32 most[4];
#pragma unroll
    for (int k = 0; k < 9; ++k) {
      const int from = (2 * y + k / 3) * 16 + 2 * x + k % 3;
      const uint4 v = *reinterpret_cast<const uint4*>(conv + from * kPixelPitch + unit * 16);
      const u32 words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int c = 0; c < 4; ++c) most[c] = k == 0 ? words[c] : max_packed(most[c], words[c]);
    }
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      finish<Main>(p, unpack16(most[c]), operands[c], channel + 2 * c, at + 2 * c, true);
    }
  }
};

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char shared[];
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32 % 4;
  const int group = __shfl_sync(0xffffffffu, thread / 128, 0);
  const u32 weights = shared_address(shared), patch = weights + kWeightBytes;
  char* conv = shared + kWeightBytes + kPatchBytes;
  const u32 loaded = patch + kPatchBytes + kConvBytes;
  if (thread == 0) {
    barrier_init(loaded, 1);
    barrier_init_done();
    barrier_expect(loaded, kWeightBytes);
    bulk_copy(weights, static_cast<const char*>(p.weight) + blockIdx.y * kWeightBytes, kWeightBytes, loaded);
  }
  Fetched<Side> operands[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    fetch<Side, Which::constants>(operands[j], p, blockIdx.y * kBlockN + j * 8 + lane % 4 * 2, 0, true);
  }
  const int n = blockIdx.x / kTiles, tile = blockIdx.x % kTiles;
  const int pool_y = tile / kTilesX * 7, pool_x = tile % kTilesX * 7, conv_y = 2 * pool_y - 1, conv_x = 2 * pool_x - 1;
  Pooled pooled;
  pooled.locate(n, pool_y, pool_x);
  pooled.prefetch<Which::constants>(p);
  const float* image = static_cast<const float*>(p.src) + static_cast<u64>(n) * kSrcChannels * kSrcPixels;
  wait_for_predecessor();
  launch_dependents();
  load_patch(image, patch, 2 * conv_y - 3, conv_x - 2);
  pooled.prefetch<Which::activations>(p);
  fence_async();
  __syncthreads();
  barrier_wait(loaded, 0);

  float acc[2][16];
#pragma unroll
  for (int q = 0; q < 2; ++q) {
#pragma unroll
    for (int i = 0; i < 16; ++i) acc[q][i] = 0;
    pin(acc[q]);
  }
  wgmma_fence();
#pragma unroll
  for (int r = 0; r < 7; ++r) {
#pragma unroll
    for (int k = 0; k < 2; ++k) {
#pragma unroll
      for (int q = 0; q < 2; ++q) {
        wgmma(acc[q], descriptor(patch + ((16 * group + r) * kPatchPairs + q * 8 + 2 * k) * 16, 16, 2 * kPatchPairs * 16),
              descriptor(weights + (r * 2 + k) * 2 * kBlockN * 16, kBlockN * 16, 128));
      }
    }
  }
  wgmma_commit();
  wgmma_wait<0>();
  pin(acc[0]);
  pin(acc[1]);
  leave(acc, operands, conv, conv_y, conv_x, group, warp, lane);
  __syncthreads();
  pooled.make(p, conv);
}
