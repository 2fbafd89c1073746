// Convolution for many images: kTilesOfBlock warpgroups, an 8×8 tile each, share weights that a producer warp streams one
// tap of one chunk at a time through a ring of kRing stages, while each warpgroup keeps two halo patches: one being
// multiplied, one arriving. kSplit blocks of a cluster may share the K of a tile: each reads the others' sums through
// distributed shared memory, in a fixed order, for its part of the channels.
//
// Best at batch 128 on an H100: stride 1: 128 channels, 4 warpgroups, chunks of 64, 7 stages; stride 2: 128 channels, 2
// warpgroups, chunks of 32, 8 stages. A ring that holds everything is no better than 8 to 20 stages. Splitting K pays at
// batch 8.
//
// Generated: as for halo.cuh, and kTilesOfBlock, kRing, kImages (of the batch), kBlocksPerSm.
// Grid: (⌈images × tiles / kTilesOfBlock⌉ × kSplit, ⌈kChannels / kBlockN⌉), clusters of kSplit along x.

constexpr int kTapsOfChunk = kTaps + kSide;
/// Splitting takes registers: of several taps it would take more.
constexpr int kTapsAtOnce = TENON_SPLIT ? 1 : kTapsOfChunk;
constexpr int kStageBytes = kChunk * kBlockN * kWeightElementBytes;
constexpr int kChunks = kSrcChannels / kChunk, kChunksOfBlock = kChunks / kSplit;
constexpr int kColumns = kBlockN / 8, kOwnColumns = kColumns / kSplit;
constexpr int kAllTiles = kImages * kTiles;
constexpr int kConsumers = kTilesOfBlock * 128;
constexpr bool kWholeBlocks = round_up(kChannels, kUnit) % kBlockN == 0;
constexpr int kSumBytes = 64 * kBlockN * 4;  // a tile's sums

/// The weights lie in the order they are read: blocks of channels, chunks, taps.
TENON_DEVICE void stream_weights(const Pointers& p, u32 ring, u32 full, u32 empty, int rank) {
  const int first = blockIdx.y * kChunks * kTapsOfChunk + rank * kChunksOfBlock * kTapsOfChunk;
  const char* from = static_cast<const char*>(p.weight) + static_cast<u64>(first) * kStageBytes;
  int stage = 0, round = 0;
#pragma unroll 1
  for (int i = 0; i < kChunksOfBlock * kTapsOfChunk; ++i) {
    if (round > 0) barrier_wait_cluster(empty + stage * 8, (round & 1) ^ 1);
    barrier_expect(full + stage * 8, kStageBytes);
    bulk_copy(ring + stage * kStageBytes, from, kStageBytes, full + stage * 8);
    from += kStageBytes;
    if (++stage == kRing) {
      stage = 0;
      ++round;
    }
  }
}

/// Where a consumer stands in the ring.
struct Reader {
  int stage = 0, round = 0, previous = -1;
  TENON_DEVICE void next() {
    previous = stage;
    if (++stage == kRing) {
      stage = 0;
      ++round;
    }
  }
};

template <int with_side>
struct Accumulators {
  float main[kBlockN / 2];
  float side[with_side ? kBlockN / 2 : 1];
};

/// All chunks of this block's K; the next patch arrives behind the first tap of the one in use.
template <int with_side>
TENON_DEVICE void multiply(Accumulators<with_side>& acc, const PatchPart<128>& part, const uint4* planes, u32 patches,
                           u32 ring, u32 full, u32 empty, int group, int thread) {
#pragma unroll
  for (int i = 0; i < kBlockN / 2; ++i) {
    acc.main[i] = 0;
    if (with_side) acc.side[i] = 0;
  }
  Reader reader;
#pragma unroll 1
  for (int chunk = 0; chunk < kChunksOfBlock; ++chunk) {
    copy_wait<0>();
    fence_async();
    sync_warpgroup(group + 1);
    const u32 patch = patches + (chunk & 1) * kPatchBytes;
#if TENON_SPLIT
    const u32 a = split_address(patch, kPlaneBytes, kTileRowBytes, thread / 32, thread % 32);
#else
    const u64 a = descriptor(patch, kPlaneBytes, kTileRowBytes);
#endif
#pragma unroll kTapsAtOnce
    for (int tap = 0; tap < kTapsOfChunk; ++tap) {
      barrier_wait(full + reader.stage * 8, reader.round & 1);
#if TENON_SPLIT
      const u64 b = descriptor(ring + reader.stage * kStageBytes, kBlockN * 32, 128);
      if constexpr (with_side != 0) {
        if (tap == kTaps) {
          multiply_split<kSteps>(acc.side, a + tap_bytes(tap), kPlaneBytes, b);
        } else {
          multiply_split<kSteps>(acc.main, a + tap_bytes(tap), kPlaneBytes, b);
        }
      } else {
        multiply_split<kSteps>(acc.main, a + tap_bytes(tap), kPlaneBytes, b);
      }
      if (thread == 0) barrier_arrive(empty + reader.stage * 8);
#else
      const u64 b = descriptor(ring + reader.stage * kStageBytes, kBlockN * 16, 128);
      pin(acc.main);
      if constexpr (with_side != 0) pin(acc.side);
      wgmma_fence();
#pragma unroll
      for (int k = 0; k < kSteps; ++k) {
        const u64 at = a + (tap_bytes(tap) + k * 2 * kPlaneBytes) / 16;
        if constexpr (with_side != 0) {
          if (tap == kTaps) {
            wgmma(acc.side, at, b + k * kBlockN * 2);
          } else {
            wgmma(acc.main, at, b + k * kBlockN * 2);
          }
        } else {
          wgmma(acc.main, at, b + k * kBlockN * 2);
        }
      }
      wgmma_commit();
      wgmma_wait<1>();  // the tap before is done: its stage is free
      if (reader.previous >= 0 && thread == 0) barrier_arrive(empty + reader.previous * 8);
#endif
      reader.next();
      if (tap == 0 && chunk + 1 < kChunksOfBlock) {
        sync_warpgroup(group + 1);  // all four warps are done with the other patch
        part.copy(planes + static_cast<u64>(chunk + 1) * (kChunk / kUnit) * kSrcPixels,
                  patches + ((chunk + 1) & 1) * kPatchBytes, thread);
        copy_commit();
      }
    }
  }
  wgmma_wait<0>();
  pin(acc.main);
  if constexpr (with_side != 0) pin(acc.side);
}

/// Leaves a tile's sums where the cluster reads them: pairs, by (column, half), a thread's 8 bytes apart.
TENON_DEVICE void leave(const float* acc, u32 sums) {
#pragma unroll
  for (int i = 0; i < kBlockN / 4; ++i) {
    const int h = i % 2, j = i / 2;
    store_shared2(sums + i * 1024, acc[j * 4 + h * 2], acc[j * 4 + h * 2 + 1]);
  }
}

/// The epilogue for this block's columns of the tile.
template <class E, int split>
TENON_DEVICE void store(const Pointers& p, const float* acc, u32 sums, Tile tile, bool live, int rank, int warp,
                        int lane) {
  u32 remote[split];
  if constexpr (split > 1) {
#pragma unroll
    for (int r = 0; r < split; ++r) remote[r] = in_block(sums, r);
  }
  const int first = rank * kOwnColumns, channel = blockIdx.y * kBlockN + first * 8 + lane % 4 * 2;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int y = tile.y + warp * 2 + h, x = tile.x + lane / 4;
    const bool valid = y < kDstH && x < kDstW && live;
    const int at = element_of<kDstPixels>(tile.n, channel, y * kDstW + x);
    Fetched<E> operands[kOwnColumns];
#pragma unroll
    for (int j = 0; j < kOwnColumns; ++j) {
      const bool there = valid && (kWholeBlocks || channel + j * 8 < round_up(kChannels, kUnit));
      fetch<E, Which::activations>(operands[j], p, channel + j * 8, at + j * (8 / kUnit) * kDstPixels * kUnit, there);
    }
#pragma unroll
    for (int j = 0; j < kOwnColumns; ++j) {
      const bool there = valid && (kWholeBlocks || channel + j * 8 < round_up(kChannels, kUnit));
      Pair x2{0, 0};
      if constexpr (split > 1) {
#pragma unroll
        for (int r = 0; r < split; ++r) {
          const Pair part = load_remote2(remote[r] + ((first + j) * 2 + h) * 1024);
          x2.a += part.a;
          x2.b += part.b;
        }
      } else {
        x2 = {acc[j * 4 + h * 2], acc[j * 4 + h * 2 + 1]};
      }
      fetch<E, Which::constants>(operands[j], p, channel + j * 8, 0, there);
      finish<E>(p, x2, operands[j], channel + j * 8, at + j * (8 / kUnit) * kDstPixels * kUnit, there);
    }
  }
}

template <int split, int with_side>
TENON_DEVICE void convolve(const Pointers& p, char* shared) {
  const int group = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0), thread = threadIdx.x % 128;
  const u32 ring = shared_address(shared), patches = ring + kRing * kStageBytes;
  const u32 full = patches + 2 * kTilesOfBlock * kPatchBytes, empty = full + kRing * 8;
  if (threadIdx.x == 0) {
    for (int s = 0; s < kRing; ++s) {
      barrier_init(full + s * 8, 1);
      barrier_init(empty + s * 8, kTilesOfBlock);
    }
    barrier_init_done();
  }
  __syncthreads();
  const int rank = blockIdx.x % split;
  if (group == kTilesOfBlock) {
    if (thread == 0) stream_weights(p, ring, full, empty, rank);
    launch_dependents();
    __syncwarp();
    if constexpr (split > 1) {
      cluster_arrive();
      cluster_wait();
    }
  } else {
    const int index = blockIdx.x / split * kTilesOfBlock + group;
    const bool live = index < kAllTiles;
    const Tile tile = tile_at(live ? index : kAllTiles - 1);
    PatchPart<128> part;
    part.locate(tile, thread);
    const uint4* planes = chunk_planes(p, tile.n, rank * kChunksOfBlock);
    const u32 own = patches + group * 2 * kPatchBytes;
    wait_for_predecessor();
    launch_dependents();
    part.copy(planes, own, thread);
    copy_commit();
    Accumulators<with_side> acc;
    multiply(acc, part, planes, own, ring, full, empty, group, thread);
    const u32 sums = ring + group * kSumBytes + thread * 8;
    constexpr u32 kToSide = kTilesOfBlock * kSumBytes;
    if constexpr (split > 1) {
      sync_some<15, kConsumers>();  // all warpgroups are done with the ring and the patches
      leave(acc.main, sums);
      if constexpr (with_side != 0) leave(acc.side, sums + kToSide);
      cluster_arrive();
      cluster_wait();
    }
    store<Main, split>(p, acc.main, sums, tile, live, rank, thread / 32, thread % 32);
    if constexpr (with_side != 0) {
      store<Side, split>(p, acc.side, sums + kToSide, tile, live, rank, thread / 32, thread % 32);
    }
  }
  if constexpr (split > 1) {  // nobody leaves while its sums are read
    cluster_arrive();
    cluster_wait();
  }
}

extern "C" __global__ void __launch_bounds__(kConsumers + 32, kBlocksPerSm)
    tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char shared[];
  convolve<kSplit, kSide>(p, shared);
}
