// Convolution of any geometry as an implicit matrix product: rows are pixels of all images, columns channels, K runs over
// the filter's taps and the 16-byte units of input channels. Each unit of each row is one 16-byte copy from the input,
// zeros beyond its edge; K passes through a ring of stages. Products by wgmma on sm_90a, by mma.sync elsewhere (and on
// request); fp32 as three TF32 products (high·high + high·low + low·high; split.cuh), which keep fp32 accuracy.
//
// Generated: kImages, kSrcH, kSrcW, kSrcChannels, kDstH, kDstW, kChannels, kKernelH, kKernelW, kStrideY, kStrideX, kPadY, kPadX,
// kDilateY, kDilateX, kBlockN, kGroupsOfBlock (warpgroups, 64 rows each), kStageUnits (even), kRing, kBlocksPerSm.
// Weights: (blocks of channels, units of K up to whole stages, kBlockN, kUnit).
// Grid: (⌈images × pixels / rows of a block⌉, ⌈kChannels / kBlockN⌉).

constexpr int kSrcPixels = kSrcH * kSrcW, kDstPixels = kDstH * kDstW;
constexpr int kSrcUnits = div_up(kSrcChannels, kUnit);
constexpr int kTaps = kKernelH * kKernelW;
constexpr int kStages = div_up(kTaps * kSrcUnits, kStageUnits);
constexpr int kRows = kImages * kDstPixels, kRowsOfBlock = kGroupsOfBlock * 64;
constexpr int kThreads = kGroupsOfBlock * 128;
constexpr int kABytes = kStageUnits * 64 * 16;  // of one warpgroup
constexpr int kBBytes = kStageUnits * kBlockN * (TENON_SPLIT ? 32 : 16);
constexpr int kStageBytes = kGroupsOfBlock * kABytes + kBBytes;
/// Stages under way ahead of the products: a slot is refilled once everybody has finished with it, two stages later.
constexpr int kAhead = kRing - 2;
constexpr bool kWholeBlocks = round_up(kChannels, kUnit) % kBlockN == 0;
constexpr bool kOneTapAStage = kSrcUnits % kStageUnits == 0;

// A warp's part of its warpgroup's 64 × kBlockN: 16 rows of all columns for wgmma, 32 rows of half the columns for
// mma.sync, where that needs fewer loads from shared memory.
#if TENON_WGMMA
constexpr int kRowBlocks = 1, kWarpColumns = kBlockN / 8;
#else
constexpr int kRowBlocks = kBlockN >= 32 ? 2 : 1, kWarpColumns = kBlockN / 8 / kRowBlocks;
#endif

/// One thread's row of the A operand: where its pixel's window begins.
struct Row {
  const uint4* image;
  int y, x;
  bool live;

  TENON_DEVICE void locate(const Pointers& p, int row) {
    live = row < kRows;
    const int n = live ? row / kDstPixels : 0, pixel = live ? row % kDstPixels : 0;
    y = pixel / kDstW * kStrideY - kPadY;
    x = pixel % kDstW * kStrideX - kPadX;
    image = static_cast<const uint4*>(p.src) + static_cast<u64>(n) * kSrcUnits * kSrcPixels;
  }

  TENON_DEVICE void copy(u32 to, int tap, int unit) const {
    const int at_y = y + tap / kKernelW * kDilateY, at_x = x + tap % kKernelW * kDilateX;
    const bool inside = live && at_y >= 0 && at_y < kSrcH && at_x >= 0 && at_x < kSrcW && tap < kTaps;
    copy_unit(to, image + (inside ? unit * kSrcPixels + at_y * kSrcW + at_x : 0), inside);
  }
};

/// Starts the copies of a stage; beyond the last only an empty group, so that groups and stages count alike.
TENON_DEVICE void load_stage(const Row& row, const Pointers& p, u32 slots, u32 full, int stage, int group, int thread) {
  if (stage < kStages) {
    const u32 slot = slots + stage % kRing * kStageBytes;
    const u32 a = slot + group * kABytes + thread % 64 * 16;
#pragma unroll
    for (int i = 0; i < kStageUnits / 2; ++i) {
      const int at = thread / 64 + i * 2, k = stage * kStageUnits + at;
      const int tap = kOneTapAStage ? stage / (kSrcUnits / kStageUnits) : k / kSrcUnits;
      row.copy(a + at * 1024, tap, k - tap * kSrcUnits);
    }
    const char* weights =
        static_cast<const char*>(p.weight) + (static_cast<u64>(blockIdx.y) * kStages + stage) * kBBytes;
    const u32 b = slot + kGroupsOfBlock * kABytes;
#if TENON_WGMMA
    if (threadIdx.x == 0) {
      barrier_expect(full + stage % kRing * 8, kBBytes);
      bulk_copy(b, weights, kBBytes, full + stage % kRing * 8);
    }
#else
    for (int i = threadIdx.x * 16; i < kBBytes; i += kThreads * 16) copy_unit(b + i, weights + i, true);
#endif
  }
  copy_commit();
}

#if TENON_SPLIT
TENON_DEVICE void multiply_stage(float (&acc)[kRowBlocks][kWarpColumns * 4], u32 a, u32 b, int warp, int lane) {
  multiply_split<kStageUnits / 2>(acc[0], split_address(a, 1024, 128, warp, lane), 1024,
                                  descriptor(b, kBlockN * 32, 128));
}
#elif TENON_WGMMA
TENON_DEVICE void multiply_stage(float (&acc)[kRowBlocks][kWarpColumns * 4], u32 a, u32 b, int, int) {
  pin(acc[0]);
  wgmma_fence();
  const u64 da = descriptor(a, 1024, 128), db = descriptor(b, kBlockN * 16, 128);
#pragma unroll
  for (int k = 0; k < kStageUnits / 2; ++k) wgmma(acc[0], da + k * 128, db + k * kBlockN * 2);
  wgmma_commit();
}
#else
constexpr int kTwoColumns = kWarpColumns > 1 ? 8 : 4;

template <int Size>
TENON_DEVICE void multiply_step(float (&acc)[kRowBlocks][Size], const u32 (&a)[kRowBlocks][4], int j,
                                const u32 (&b)[4]) {
#pragma unroll
  for (int r = 0; r < kRowBlocks; ++r) {
    mma(&acc[r][j * 4], a[r], b[0], b[1]);
    if (j + 1 < Size / 4) mma(&acc[r][j * 4 + 4], a[r], b[2], b[3]);
  }
}

TENON_DEVICE void multiply_stage(float (&acc)[kRowBlocks][kWarpColumns * 4], u32 a, u32 b, int warp, int lane) {
  const int first_row = kRowBlocks == 2 ? warp % 2 * 32 : warp * 16;
  const int first_column = kRowBlocks == 2 ? warp / 2 * kWarpColumns : 0;
  // Lanes 0-7 name the rows of the first of four matrices, 8-15 of the second, …: A's go by rows, then units, B's by
  // units, then columns.
  const u32 from_a = a + lane / 16 * 1024 + (first_row + lane / 8 % 2 * 8 + lane % 8) * 16;
  const u32 from_b = b + lane / 8 % 2 * (kBlockN * 16) + (first_column + lane / 16) * 128 + lane % 8 * 16;
#pragma unroll
  for (int k = 0; k < kStageUnits / 2; ++k) {
    u32 words[kRowBlocks][4];
#pragma unroll
    for (int r = 0; r < kRowBlocks; ++r) load_matrices(words[r], from_a + k * 2048 + r * 256);
    if constexpr (kStorage == Storage::f32) {
      u32 high[kRowBlocks][4], low[kRowBlocks][4];
#pragma unroll
      for (int r = 0; r < kRowBlocks; ++r) split_tf32(words[r], high[r], low[r]);
#pragma unroll
      for (int j = 0; j < kWarpColumns; j += 2) {
        u32 w[4], w_high[4], w_low[4];
        load_matrices(w, from_b + k * kBlockN * 32 + j * 128);
        split_tf32(w, w_high, w_low);
        // Summed apart: what split.cuh says of cut off sums holds here too.
        float part[kRowBlocks][kTwoColumns] = {};
        multiply_step(part, low, 0, w_high);
        multiply_step(part, high, 0, w_low);
        multiply_step(part, high, 0, w_high);
#pragma unroll
        for (int r = 0; r < kRowBlocks; ++r) {
#pragma unroll
          for (int i = 0; i < kTwoColumns; ++i) acc[r][j * 4 + i] += part[r][i];
        }
      }
    } else {
#pragma unroll
      for (int j = 0; j < kWarpColumns; j += 2) {
        u32 w[4];
        load_matrices(w, from_b + k * kBlockN * 32 + j * 128);
        multiply_step(acc, words, j, w);
      }
    }
  }
}
#endif

TENON_DEVICE void store(const Pointers& p, const float (&acc)[kRowBlocks][kWarpColumns * 4], int group, int warp,
                        int lane) {
  const int first_row = kRowBlocks == 2 ? warp % 2 * 32 : warp * 16;
  const int first_column = kRowBlocks == 2 ? warp / 2 * kWarpColumns : 0;
  const int channel = blockIdx.y * kBlockN + first_column * 8 + lane % 4 * 2;
#pragma unroll
  for (int r = 0; r < kRowBlocks; ++r) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int row = blockIdx.x * kRowsOfBlock + group * 64 + first_row + r * 16 + h * 8 + lane / 4;
      const int n = row / kDstPixels, pixel = row % kDstPixels;
      const int at = element_of<kDstPixels>(n, channel, pixel);
      Fetched<Main> operands[kWarpColumns];
#pragma unroll
      for (int j = 0; j < kWarpColumns; ++j) {
        const bool there = row < kRows && (kWholeBlocks || channel + j * 8 < round_up(kChannels, kUnit));
        fetch<Main, Which::activations>(operands[j], p, channel + j * 8, at + j * (8 / kUnit) * kDstPixels * kUnit,
                                        there);
      }
#pragma unroll
      for (int j = 0; j < kWarpColumns; ++j) {
        const bool there = row < kRows && (kWholeBlocks || channel + j * 8 < round_up(kChannels, kUnit));
        fetch<Main, Which::constants>(operands[j], p, channel + j * 8, 0, there);
        finish<Main>(p, {acc[r][j * 4 + h * 2], acc[r][j * 4 + h * 2 + 1]}, operands[j], channel + j * 8,
                     at + j * (8 / kUnit) * kDstPixels * kUnit, there);
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char shared[];
  const int thread = threadIdx.x % 128, lane = thread % 32, warp = thread / 32;
  const u32 slots = shared_address(shared), full = slots + kRing * kStageBytes;
  const int group = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0);
#if TENON_WGMMA
  if (threadIdx.x == 0) {
    for (int s = 0; s < kRing; ++s) barrier_init(full + s * 8, 1);
    barrier_init_done();
  }
  __syncthreads();
#endif
  Row row;
  row.locate(p, blockIdx.x * kRowsOfBlock + group * 64 + thread % 64);
  wait_for_predecessor();
  launch_dependents();
#pragma unroll
  for (int s = 0; s < kAhead; ++s) load_stage(row, p, slots, full, s, group, thread);

  float acc[kRowBlocks][kWarpColumns * 4];
#pragma unroll
  for (int r = 0; r < kRowBlocks; ++r) {
#pragma unroll
    for (int i = 0; i < kWarpColumns * 4; ++i) acc[r][i] = 0;
  }
#pragma unroll 1
  for (int stage = 0; stage < kStages; ++stage) {
    const u32 slot = slots + stage % kRing * kStageBytes;
    copy_wait<kAhead - 1>();
#if TENON_WGMMA
    fence_async();
#endif
    __syncthreads();
    load_stage(row, p, slots, full, stage + kAhead, group, thread);
#if TENON_WGMMA
    barrier_wait(full + stage % kRing * 8, stage / kRing & 1);
#endif
    multiply_stage(acc, slot + group * kABytes, slot + kGroupsOfBlock * kABytes, warp, lane);
#if TENON_WGMMA
    wgmma_wait<1>();
#endif
  }
#if TENON_WGMMA
  wgmma_wait<0>();
  pin(acc[0]);
#endif
  store(p, acc, group, warp, lane);
}
