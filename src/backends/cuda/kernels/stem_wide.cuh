// The same first layers as stem.cuh, stored in 32 bits. Two neighbouring pixels of four channels are 32 bytes: even and odd
// pixels lie in two planes, so that a pair is one step of the tensor cores, and a filter row of 7 four steps.
//
// fp32 is split (split.cuh), pixels while they are loaded: planes of what TF32 keeps and planes of the rest. A filter row's
// products are summed by the tensor cores, rows by ordinary additions.
//
// A block makes 7×7 pooled pixels of kBlockN channels. Generated: as for stem.cuh, kBlockN and kBlocksPerSm.
// Grid: (images × tiles, ⌈kChannels / kBlockN⌉), 256 threads.

constexpr int kPlaneBytes = kPatchH * kPatchPairs * 16, kPatchBytes = 2 * kPlaneBytes;
constexpr int kStepBytes = kBlockN * 2 * 4 * kWeightElementBytes, kWeightBytes = 28 * kStepBytes;
constexpr int kPixelPitch = kBlockN * 4 + 16;  // of the convolution's results: padded against bank conflicts
constexpr int kColumns = kBlockN / 8, kUnits = kBlockN / 4;

/// Four channels of a pixel: what TF32 keeps of them and, where they are split, the rest.
TENON_DEVICE void store_pixel(u32 to, float a, float b, float c, float d) {
  const float kept[4] = {round_tf32(a), round_tf32(b), round_tf32(c), round_tf32(d)};
  asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(to), "f"(kept[0]), "f"(kept[1]), "f"(kept[2]), "f"(kept[3])
               : "memory");
#if TENON_SPLIT
  asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(to + kPatchBytes), "f"(round_tf32(a - kept[0])),
               "f"(round_tf32(b - kept[1])), "f"(round_tf32(c - kept[2])), "f"(round_tf32(d - kept[3]))
               : "memory");
#endif
}

TENON_DEVICE void load_patch(const float* image, u32 patch, int first_y, int first_pair) {
  load_patch(image, first_y, first_pair, [patch](int id, const Pair (&c)[4]) {
    store_pixel(patch + id * 16, c[0].a, c[1].a, c[2].a, c[3].a);
    store_pixel(patch + kPlaneBytes + id * 16, c[0].b, c[1].b, c[2].b, c[3].b);
  });
}

/// Starts the products of a filter row for 8×8 results whose first pixel stands at `a`.
TENON_DEVICE void multiply_row(float (&acc)[kBlockN / 2], u32 a, u32 weights) {
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const u64 pixels = descriptor(a + k * 16, kPlaneBytes, 2 * kPatchPairs * 16);
#if TENON_SPLIT
    const u64 step = descriptor(weights + k * kStepBytes, kBlockN * 32, 128);
    wgmma(acc, pixels + kPatchBytes / 16, step);
    wgmma(acc, pixels, step + kBlockN);
    wgmma(acc, pixels, step);
#else
    wgmma(acc, pixels, descriptor(weights + k * kStepBytes, kBlockN * 16, 128));
#endif
  }
}

/// The products of `Rows` filter rows from `first` on, for both halves of 16 columns.
template <int Rows>
TENON_DEVICE void multiply_rows(float (&acc)[2][kBlockN / 2], u32 patch, u32 weights, int first) {
#pragma unroll
  for (int q = 0; q < 2; ++q) {
#pragma unroll
    for (int i = 0; i < kBlockN / 2; ++i) acc[q][i] = 0;
    pin(acc[q]);
  }
  wgmma_fence();
#pragma unroll
  for (int r = 0; r < Rows; ++r) {
#pragma unroll
    for (int q = 0; q < 2; ++q) {
      multiply_row(acc[q], patch + ((first + r) * kPatchPairs + q * 8) * 16, weights + (first + r) * 4 * kStepBytes);
    }
  }
  wgmma_commit();
  wgmma_wait<0>();
  pin(acc[0]);
  pin(acc[1]);
}

TENON_DEVICE void multiply(float (&acc)[2][kBlockN / 2], u32 patch, u32 weights) {
#if TENON_SPLIT
  multiply_rows<1>(acc, patch, weights, 0);
#pragma unroll 1
  for (int r = 1; r < 7; ++r) {
    float part[2][kBlockN / 2];
    multiply_rows<1>(part, patch, weights, r);
#pragma unroll
    for (int q = 0; q < 2; ++q) {
#pragma unroll
      for (int i = 0; i < kBlockN / 2; ++i) acc[q][i] += part[q][i];
    }
  }
#else
  multiply_rows<7>(acc, patch, weights, 0);
#endif
}

/// Leaves the convolution's results as (16×16 pixels, kBlockN channels) for the pool; outside them no maximum is.
TENON_DEVICE void leave(const Pointers& p, const float (&acc)[2][kBlockN / 2], u32 conv, int first_y, int first_x,
                        int group, int warp, int lane) {
#pragma unroll
  for (int j = 0; j < kColumns; ++j) {
    Fetched<Side> operands;
    fetch<Side, Which::constants>(operands, p, blockIdx.y * kBlockN + j * 8 + lane % 4 * 2, 0, true);
#pragma unroll
    for (int q = 0; q < 2; ++q) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int y = group * 8 + warp * 2 + h, x = q * 8 + lane / 4;
        const bool inside = first_y + y >= 0 && first_x + x >= 0 && first_y + y < kConvH && first_x + x < kConvW;
        const float* a = &acc[q][j * 4 + h * 2];
        const Pair v = finish<Side>(Pointers{}, {a[0], a[1]}, operands, 0, 0, false);
        const float none = __uint_as_float(0xff800000u);
        store_shared2(conv + (y * 16 + x) * kPixelPitch + (j * 8 + lane % 4 * 2) * 4, inside ? v.a : none,
                      inside ? v.b : none);
      }
    }
  }
}

/// The maxima of a pooled pixel's four channels, and what becomes of them.
TENON_DEVICE void make_unit(const Pointers& p, u32 conv, int n, int y, int x, int first_y, int first_x, int unit) {
  const int channel = blockIdx.y * kBlockN + unit * 4;
  if (first_y + y >= kDstH || first_x + x >= kDstW || channel >= round_up(kChannels, kUnit)) return;
  float4 most{};
#pragma unroll
  for (int k = 0; k < 9; ++k) {
    const float4 v = load_shared4(conv + ((2 * y + k / 3) * 16 + 2 * x + k % 3) * kPixelPitch + unit * 16);
    most = k == 0 ? v
                  : float4{max_nan(most.x, v.x), max_nan(most.y, v.y), max_nan(most.z, v.z), max_nan(most.w, v.w)};
  }
  const int at = element_of<kDstPixels>(n, channel, (first_y + y) * kDstW + first_x + x);
#pragma unroll
  for (int c = 0; c < 4; c += 2) {
    Fetched<Main> operands;
    fetch<Main, Which::all>(operands, p, channel + c, at + c, true);
    finish<Main>(p, c == 0 ? Pair{most.x, most.y} : Pair{most.z, most.w}, operands, channel + c, at + c, true);
  }
}

extern "C" __global__ void __launch_bounds__(256, kBlocksPerSm) tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char shared[];
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32 % 4;
  const int group = __shfl_sync(0xffffffffu, thread / 128, 0);
  const u32 weights = shared_address(shared), patch = weights + kWeightBytes;
  const u32 loaded = patch + kPatchBytes * (TENON_SPLIT + 1);
  if (thread == 0) {
    barrier_init(loaded, 1);
    barrier_init_done();
    barrier_expect(loaded, kWeightBytes);
    bulk_copy(weights, static_cast<const char*>(p.weight) + blockIdx.y * kWeightBytes, kWeightBytes, loaded);
  }
  const int n = blockIdx.x / kTiles, tile = blockIdx.x % kTiles;
  const int pool_y = tile / kTilesX * 7, pool_x = tile % kTilesX * 7, conv_y = 2 * pool_y - 1, conv_x = 2 * pool_x - 1;
  const float* image = static_cast<const float*>(p.src) + static_cast<u64>(n) * kSrcChannels * kSrcPixels;
  wait_for_predecessor();
  launch_dependents();
  load_patch(image, patch, 2 * conv_y - 3, conv_x - 2);
  fence_async();
  __syncthreads();
  barrier_wait(loaded, 0);

  float acc[2][kBlockN / 2];
  multiply(acc, patch + 16 * group * kPatchPairs * 16, weights);
  __syncthreads();  // everybody is done with weights and patch: the results lie there
  leave(p, acc, weights, conv_y, conv_x, group, warp, lane);
  __syncthreads();
#pragma unroll 1
  for (int id = thread; id < 49 * kUnits; id += 256) {
    make_unit(p, weights, n, id % 49 / 7, id % 49 % 7, pool_y, pool_x, id / 49);
  }
}
