// Convolution for few images: one block computes an 8×8 tile of kBlockN channels from kChunk input channels, all at
// once. Its weights arrive by one bulk copy started before the predecessor has finished; the input is a halo patch
// (patch.cuh). kSplit blocks of a cluster share a tile, each with its chunk of the input channels, and send their partial
// sums to the block that owns the row: in a fixed order, so the same engine gives the same bits. At batch 1 latency rules:
// every address is computed before the wait, and dependents are released right after it (57 µs for ResNet-18; 68 when
// they are released after the products, 80 without programmatic launch).
//
// Generated: kSrcH, kSrcW, kSrcChannels, kDstH, kDstW, kChannels, kKernelH, kKernelW, kStride, kPadY, kPadX, kChunk, kSplit,
// kBlockN, kSide (0 or 1: a 1×1 convolution with the same stride rides along as one more tap), kThreads.
// Grid: (images × tiles × kSplit, ⌈kChannels / kBlockN⌉), clusters of kSplit along x.

constexpr int kWeightBytes = (kTaps + kSide) * kChunk * kBlockN * kWeightElementBytes;
constexpr int kPartialBytes = 64 * kBlockN * 4;  // of one product
constexpr int kExchangeBytes = kSplit > 1 ? kPartialBytes * (1 + kSide) : 0;
constexpr int kColumns = kBlockN / 8;  // accumulator columns of 8 channels
constexpr bool kWholeBlocks = round_up(kChannels, kUnit) % kBlockN == 0;

/// `with_side` is kSide as a template parameter: what depends on it is compiled only where there is a side.
template <int with_side>
struct Accumulators {
  float main[kBlockN / 2];
  float side[with_side ? kBlockN / 2 : 1];
};

#if TENON_SPLIT
template <int with_side>
TENON_DEVICE void multiply(Accumulators<with_side>& acc, u32 patch, u32 weights, int warp, int lane) {
#pragma unroll
  for (int i = 0; i < kBlockN / 2; ++i) {
    acc.main[i] = 0;
    if (with_side) acc.side[i] = 0;
  }
  const u32 a = split_address(patch, kPlaneBytes, kTileRowBytes, warp, lane);
  const u64 b = descriptor(weights, kBlockN * 32, 128);
#pragma unroll 1
  for (int tap = 0; tap < kTaps; ++tap) {
    multiply_split<kSteps>(acc.main, a + tap_bytes(tap), kPlaneBytes, b + tap * kSteps * kBlockN * 4);
  }
  if constexpr (with_side != 0) {
    multiply_split<kSteps>(acc.side, a + tap_bytes(kTaps), kPlaneBytes, b + kTaps * kSteps * kBlockN * 4);
  }
}
#else
template <int with_side>
TENON_DEVICE void multiply(Accumulators<with_side>& acc, u32 patch, u32 weights, int, int) {
#pragma unroll
  for (int i = 0; i < kBlockN / 2; ++i) {
    acc.main[i] = 0;
    if (with_side) acc.side[i] = 0;
  }
  pin(acc.main);
  if constexpr (with_side != 0) pin(acc.side);
  wgmma_fence();
  const u64 a = descriptor(patch, kPlaneBytes, kTileRowBytes), b = descriptor(weights, kBlockN * 16, 128);
#pragma unroll
  for (int tap = 0; tap < kTaps; ++tap) {
#pragma unroll
    for (int k = 0; k < kSteps; ++k) {
      wgmma(acc.main, a + (tap_bytes(tap) + k * 2 * kPlaneBytes) / 16, b + (tap * kSteps + k) * kBlockN * 2);
    }
  }
  if constexpr (with_side != 0) {
#pragma unroll
    for (int k = 0; k < kSteps; ++k) {
      wgmma(acc.side, a + (tap_bytes(kTaps) + k * 2 * kPlaneBytes) / 16, b + (kTaps * kSteps + k) * kBlockN * 2);
    }
  }
  wgmma_commit();
  wgmma_wait<0>();
  pin(acc.main);
  if constexpr (with_side != 0) pin(acc.side);
}
#endif

/// The epilogue of a block that has a tile for itself, straight from the accumulators: lane l holds two channels of
/// columns 8j + 2(l % 4) for pixels (2w, l / 4) and (2w + 1, l / 4).
template <class E>
struct OwnTile {
  Fetched<E> operands[2][kColumns];
  int channel, at[2];
  bool valid[2];

  TENON_DEVICE void locate(Tile tile, int block, int warp, int lane) {
    channel = block * kBlockN + lane % 4 * 2;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int y = tile.y + warp * 2 + h, x = tile.x + lane / 4;
      valid[h] = y < kDstH && x < kDstW && warp < 4;
      at[h] = element_of<kDstPixels>(tile.n, channel, y * kDstW + x);
    }
  }
  static TENON_DEVICE int column_offset(int j) { return j * (8 / kUnit) * kDstPixels * kUnit; }
  TENON_DEVICE bool there(int h, int j) const {
    return valid[h] && (kWholeBlocks || channel + j * 8 < round_up(kChannels, kUnit));
  }
  template <Which W>
  TENON_DEVICE void prefetch(const Pointers& p) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        if (W == Which::constants && h == 1) {
          operands[1][j] = operands[0][j];
        } else {
          fetch<E, W>(operands[h][j], p, channel + j * 8, at[h] + column_offset(j), there(h, j));
        }
      }
    }
  }
  TENON_DEVICE void store(const Pointers& p, const float* acc) const {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        finish<E>(p, {acc[j * 4 + h * 2], acc[j * 4 + h * 2 + 1]}, operands[h][j], channel + j * 8,
                  at[h] + column_offset(j), there(h, j));
      }
    }
  }
};

/// The epilogue of a block that owns 8 / kSplit rows of the tile and has received everybody's sums of them, as
/// (sender, row, 16 channels, lane, 4 floats).
template <class E>
struct OwnRows {
  static constexpr int kRows = 8 / kSplit, kGroups = kBlockN / 16, kItems = kRows * kGroups * 32;
  static constexpr int kParts = div_up(kItems, kThreads);
  Fetched<E> operands[kParts][2];
  int channel[kParts], at[kParts];
  bool has[kParts], valid[kParts];

  TENON_DEVICE void locate(Tile tile, int block, int rank, int thread) {
    const int lane = thread % 32;
#pragma unroll
    for (int i = 0; i < kParts; ++i) {
      const int item = thread + i * kThreads, row = item / (32 * kGroups), group = item / 32 % kGroups;
      const int y = tile.y + rank * kRows + row, x = tile.x + lane / 4;
      has[i] = item < kItems;
      valid[i] = has[i] && y < kDstH && x < kDstW;
      channel[i] = block * kBlockN + group * 16 + lane % 4 * 2;
      at[i] = element_of<kDstPixels>(tile.n, channel[i], y * kDstW + x);
    }
  }
  static TENON_DEVICE int half_offset(int q) { return q * (8 / kUnit) * kDstPixels * kUnit; }
  TENON_DEVICE bool there(int i, int q) const {
    return valid[i] && (kWholeBlocks || channel[i] + q * 8 < round_up(kChannels, kUnit));
  }
  template <Which W>
  TENON_DEVICE void prefetch(const Pointers& p) {
#pragma unroll
    for (int i = 0; i < kParts; ++i) {
#pragma unroll
      for (int q = 0; q < 2; ++q) {
        if (has[i]) fetch<E, W>(operands[i][q], p, channel[i] + q * 8, at[i] + half_offset(q), there(i, q));
      }
    }
  }
  TENON_DEVICE void store(const Pointers& p, u32 received, int thread) const {
#pragma unroll
    for (int i = 0; i < kParts; ++i) {
      if (!has[i]) continue;
      float4 sum{0, 0, 0, 0};
#pragma unroll
      for (int sender = 0; sender < kSplit; ++sender) {
        const float4 part = load_shared4(received + (sender * kItems + thread + i * kThreads) * 16);
        sum.x += part.x;
        sum.y += part.y;
        sum.z += part.z;
        sum.w += part.w;
      }
      finish<E>(p, {sum.x, sum.y}, operands[i][0], channel[i], at[i], there(i, 0));
      finish<E>(p, {sum.z, sum.w}, operands[i][1], channel[i] + 8, at[i] + half_offset(1), there(i, 1));
    }
  }
};

/// Sends the sums to the owners of their rows.
TENON_DEVICE void send(const float* acc, u32 exchange, u32 arrived, int rank, int warp, int lane) {
  constexpr int kRows = 8 / kSplit, kGroups = kBlockN / 16;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int row = warp * 2 + h, owner = row / kRows;
    const u32 to = in_block(exchange + ((rank * kRows + row % kRows) * kGroups * 32 + lane) * 16, owner);
    const u32 barrier = in_block(arrived, owner);
#pragma unroll
    for (int j = 0; j < kGroups; ++j) {
      const float* a = acc + j * 8 + h * 2;
      store_remote4(to + j * 512, a[0], a[1], a[4], a[5], barrier);
    }
  }
}

template <int split, int with_side>
TENON_DEVICE void convolve(const Pointers& p, char* shared) {
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const u32 weights = shared_address(shared), patch = weights + kWeightBytes, exchange = patch + kPatchBytes;
  const u32 loaded = exchange + kExchangeBytes, arrived = loaded + 8;
  const int rank = blockIdx.x % split, block = blockIdx.y;
  const Tile tile = tile_at(blockIdx.x / split);
  if (thread == 0) {
    barrier_init(loaded, 1);
    barrier_init(arrived, 1);
    barrier_init_done();
    barrier_expect(loaded, kWeightBytes);
    bulk_copy(weights, static_cast<const char*>(p.weight) + static_cast<u64>(block * split + rank) * kWeightBytes,
              kWeightBytes, loaded);
    if (split > 1) barrier_expect(arrived, kExchangeBytes);
  }
  if constexpr (split > 1) cluster_arrive();

  PatchPart<kThreads> part;
  part.locate(tile, thread);
  typename Choose<split == 1, OwnTile<Main>, OwnRows<Main>>::Type main_part;
  typename Choose<split == 1, OwnTile<Side>, OwnRows<Side>>::Type side_part;
  main_part.locate(tile, block, split == 1 ? warp : rank, split == 1 ? lane : thread);
  main_part.template prefetch<Which::constants>(p);
  if constexpr (with_side != 0) {
    side_part.locate(tile, block, split == 1 ? warp : rank, split == 1 ? lane : thread);
    side_part.template prefetch<Which::constants>(p);
  }
  // Nobody may poll a barrier before everybody sees that it is initialised.
  if constexpr (split > 1) {
    cluster_wait();
  } else {
    __syncthreads();
  }
  wait_for_predecessor();
  launch_dependents();

  part.copy(chunk_planes(p, tile.n, rank), patch, thread);
  copy_commit();
  main_part.template prefetch<Which::activations>(p);
  if constexpr (with_side != 0) side_part.template prefetch<Which::activations>(p);
  copy_wait<0>();
  fence_async();
  __syncthreads();

  if (__shfl_sync(0xffffffffu, thread / 128, 0) == 0) {
    barrier_wait(loaded, 0);
    Accumulators<with_side> acc;
    multiply(acc, patch, weights, warp, lane);
    if constexpr (split == 1) {
      main_part.store(p, acc.main);
      if constexpr (with_side != 0) side_part.store(p, acc.side);
    } else {
      send(acc.main, exchange, arrived, rank, warp, lane);
      if constexpr (with_side != 0) send(acc.side, exchange + kPartialBytes, arrived, rank, warp, lane);
    }
  }
  if constexpr (split > 1) {
    barrier_wait_cluster(arrived, 0);
    main_part.store(p, exchange, thread);
    if constexpr (with_side != 0) side_part.store(p, exchange + kPartialBytes, thread);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads) tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char shared[];
  convolve<kSplit, kSide>(p, shared);
}
