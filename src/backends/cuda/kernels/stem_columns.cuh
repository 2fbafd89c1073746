// The same first layers as stem.cuh for many images, with the product transposed: 64 channels × (8 columns × 2 kPooled + 1
// rows). The weights are the register operand, so all channels share one converted patch; a warpgroup walks from left to
// right. The pool is vertical in registers, horizontal by a shuffle and a column carried from the tile before. 97 µs at
// batch 128 where stem.cuh takes 268.
//
// Generated: as for stem.cuh with kBlockN = 64, and kPooled (rows a block makes), kTurns (copies in flight a thread), kBlocksPerSm.
// kDstW is a multiple of 4, kDstH of kPooled. Grid: (images × kDstH / kPooled, ⌈kChannels / 64⌉), 128 threads.

constexpr int kConvRows = 2 * kPooled + 1, kSteps = kConvW / 8;
constexpr int kPatchH = 2 * kConvRows + 5, kPatchPairs = 8 * kSteps + 3;
constexpr int kN = kConvRows * 8;

TENON_DEVICE void load_patch(const float* image, u32 patch, int first_y) {
#pragma unroll 1
  for (int start = 0; start < kPatchH * kPatchPairs; start += 128 * kTurns) {
    Pair c[kTurns][4];
#pragma unroll
    for (int i = 0; i < kTurns; ++i) {
      const int id = start + i * 128 + threadIdx.x;
      const int y = first_y + id / kPatchPairs, x = 2 * (id % kPatchPairs - 2);
      const bool inside = id < kPatchH * kPatchPairs && y >= 0 && y < kSrcH && x >= 0 && x < kSrcW;
#pragma unroll
      for (int channel = 0; channel < 4; ++channel) {
        c[i][channel] = inside ? load_two(image, channel, y * kSrcW + x) : Pair{0, 0};
      }
    }
#pragma unroll
    for (int i = 0; i < kTurns; ++i) {
      const int id = start + i * 128 + threadIdx.x;
      if (id >= kPatchH * kPatchPairs) continue;
      asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(patch + id * 16), "r"(pack16(c[i][0].a, c[i][1].a)),
                   "r"(pack16(c[i][2].a, c[i][3].a)), "r"(pack16(c[i][0].b, c[i][1].b)),
                   "r"(pack16(c[i][2].b, c[i][3].b))
                   : "memory");
    }
  }
}

/// The operands of one channel, one value each.
template <class E>
struct OfChannel {
  float v[E::kOperands + 1];
  TENON_DEVICE void load(const Pointers& p, int channel) {
#pragma unroll
    for (int k = 0; k < E::kOperands; ++k) v[k] = __ldg(static_cast<const float*>(E::operand(p, k)) + channel);
  }
  TENON_DEVICE void apply(float x, float* y) const { E::apply(x, v, y); }
};

/// Lanes l and l ^ 4 hold neighbouring channels c, c + 1 of both halves (c and c + 8): they swap, so that each stores a pair
/// of one half.
TENON_DEVICE u32 pair_up(float low_half, float high_half, bool odd) {
  const u32 mine = pack16(low_half, high_half);
  const u32 give = odd ? mine & 0xffffu : mine >> 16;
  const u32 got = __shfl_xor_sync(0xffffffffu, give, 4);
  return odd ? (got & 0xffffu) | (mine & 0xffff0000u) : (mine & 0xffffu) | got << 16;
}

extern "C" __global__ void __launch_bounds__(128, kBlocksPerSm) tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char shared[];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const u32 patch = shared_address(shared);
  const int strip = blockIdx.x % (kDstH / kPooled), n = blockIdx.x / (kDstH / kPooled);
  const int pool_y = strip * kPooled, conv_y = 2 * pool_y - 1;
  const int channel = warp * 16 + lane / 4, all = blockIdx.y * 64 + channel;

  u32 weights[14][4];
  const u16* packed = static_cast<const u16*>(p.weight) + blockIdx.y * 28 * 512;
#pragma unroll
  for (int i = 0; i < 14; ++i) {
    const u16* from = packed + i * 1024 + channel * 8 + lane % 4 * 2;
    weights[i][0] = __ldg(reinterpret_cast<const u32*>(from));
    weights[i][1] = __ldg(reinterpret_cast<const u32*>(from + 64));
    weights[i][2] = __ldg(reinterpret_cast<const u32*>(from + 512));
    weights[i][3] = __ldg(reinterpret_cast<const u32*>(from + 576));
  }
  OfChannel<Side> conv[2];
  OfChannel<Main> pooled[2];
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    conv[h].load(p, all + h * 8);
    pooled[h].load(p, all + h * 8);
  }
  wait_for_predecessor();
  launch_dependents();
  load_patch(static_cast<const float*>(p.src) + static_cast<u64>(n) * kSrcChannels * kSrcPixels, patch, 2 * conv_y - 3);
  fence_async();
  __syncthreads();

  const float none = __uint_as_float(0xff800000u);
  float carried[kPooled][2];
#pragma unroll
  for (int r = 0; r < kPooled; ++r) carried[r][0] = carried[r][1] = none;
  const bool odd = lane / 4 % 2 == 1;
  const int left = (lane & ~3) | ((lane - 1) & 3);
  // Even lanes store channels (c, c + 1), odd ones (c - 1, c) + 8.
  const int store_channel = blockIdx.y * 64 + warp * 16 + (odd ? 8 : 0) + (lane / 4 & ~1);
  const int at = element_of<kDstPixels>(n, store_channel, pool_y * kDstW + lane % 4);
#pragma unroll 1
  for (int step = 0; step < kSteps; ++step) {
    float acc[kN / 2];
#pragma unroll
    for (int i = 0; i < kN / 2; ++i) acc[i] = 0;
    pin(acc);
    wgmma_fence();
#pragma unroll
    for (int r = 0; r < 7; ++r) {
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        wgmma_registers(acc, weights[r * 2 + k],
                        descriptor(patch + (r * kPatchPairs + step * 8 + 2 * k) * 16, 16, 2 * kPatchPairs * 16));
      }
    }
    wgmma_commit();
    wgmma_wait<0>();
    pin(acc);
#pragma unroll
    for (int i = 0; i < kN / 2; ++i) {
      float y[Side::kOutputs];
      conv[i / 2 % 2].apply(acc[i], y);
      acc[i] = y[Side::kOutputs - 1];
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (conv_y < 0) acc[i] = none;
      if (conv_y + kConvRows > kConvH) acc[kN / 2 - 4 + i] = none;
    }
#pragma unroll
    for (int r = 0; r < kPooled; ++r) {
      float y[2][Main::kOutputs];
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float* a = &acc[8 * r + h * 2];
        const float even = max_nan(max_nan(a[0], a[4]), a[8]), right = max_nan(max_nan(a[1], a[5]), a[9]);
        const float sent = lane % 4 == 3 ? carried[r][h] : right;
        carried[r][h] = right;
        const float before = __shfl_sync(0xffffffffu, sent, left);
        pooled[h].apply(max_nan(max_nan(even, right), before), y[h]);
      }
#pragma unroll
      for (int i = 0; i < Main::kOutputs; ++i) {
        if (!Main::stored(i)) continue;
        const u32 pair = pair_up(y[0][i], y[1][i], odd);
        *reinterpret_cast<u32*>(static_cast<u16*>(Main::dst(p, i)) + at + (r * kDstW + step * 4) * 8) = pair;
      }
    }
  }
}
