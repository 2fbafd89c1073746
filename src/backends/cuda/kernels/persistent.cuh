// Convolution for many images by blocks that stay: each walks over pieces of the work (kTilesOfBlock × 64 pixels of kBlockN
// channels), one warp streaming weights and three input patches ahead of it, across the ends of pieces. So neither
// loads nor launches are waited for between pieces, and a warpgroup that stores its results leaves the tensor cores to
// the others.
//
// As in patch.cuh nothing is unfolded: a tap of the filter is another start address in the patch. Pixels are cut in one
// of two ways (kLinear):
//     tiles    of 8×8, each with its own halo: nothing is wasted where they fill the map. With a stride of 2 even and odd
//              rows and columns lie apart, so that the pixels of a tap are neighbours here, too
//     linear   pixels in reading order, each row and each image followed by its padding, so that the padding after a row is
//              also the one before the next: one patch for the whole block, and 28×28 wastes 7 % where tiles waste 31 %
// With few input channels (kThin: one unit) a step of the tensor cores takes two taps of the filter in place of two units.
// fp32 is split into two TF32 numbers (split.cuh) by those who copy: planes of what TF32 keeps, then planes of the rest.
// kPool: the 2×2 maxima with stride 2 are stored in place of the results; the epilogue is applied to the maxima.
// kSide: a 1×1 convolution with the same stride rides along, as one more tap with results of its own.
//
// Generated: kImages, kSrcChannels, kSrcH, kSrcW, kChannels, kDstH, kDstW, kKernelH, kKernelW, kPadY, kPadX, kStride,
// kChunk, kBlockN, kTilesOfBlock, kRing (stages of weights), kPatches, kLinear, kPool, kSide, kBlocksPerSm.
// Linear: kDst = kSrc, kernels are odd and padded by half, or 1×1 with any stride. Tiles: kStride is 1 or, but for kThin and
// kPool, 2; kPool: they fill the map. kSide: tiles, the pixel in the middle of the filter. Grid: as many blocks as are resident together.

constexpr int kTaps = kKernelH * kKernelW;
constexpr int kSrcPixels = kSrcH * kSrcW, kDstPixels = kDstH * kDstW;
constexpr int kSrcUnits = div_up(kSrcChannels, kUnit);
constexpr int kChunkUnits = kChunk / kUnit, kChunks = div_up(kSrcChannels, kChunk);
constexpr bool kThin = kSrcUnits == 1;
constexpr int kTapsOfChunk = kThin ? 1 : kTaps + kSide;  // stages of weights
constexpr int kSteps = kThin ? div_up(kTaps, 2) : kChunk / kStepChannels;  // tensor core instructions a stage
constexpr int kStageBytes = kSteps * kStepChannels * kBlockN * kWeightElementBytes;
constexpr int kMiddle = kPadY * kKernelW + kPadX;  // the tap whose pixels the side reads
/// Splitting takes registers: of several taps it would take more.
constexpr int kTapsAtOnce = TENON_SPLIT ? 1 : kTapsOfChunk;
constexpr int kColumns = kBlockN / 8;
constexpr int kConsumers = kTilesOfBlock * 128, kThreads = kConsumers + 128;
constexpr int kCopiers = 96;  // threads that copy patches
// Registers change hands: a warpgroup that copies needs few, one that multiplies as many as there are.
constexpr int kRegisters = 65536 / (kThreads * kBlocksPerSm) / 8 * 8, kCopierRegisters = TENON_SPLIT ? 96 : kStride == 2 && !kLinear ? 64 : 56;
constexpr int kConsumerRegisters = smaller(232, (kRegisters * kThreads - kCopierRegisters * 128) / kConsumers / 8 * 8);
constexpr bool kWholeBlocks = round_up(kChannels, kUnit) % kBlockN == 0;

constexpr int kTilesX = div_up(kDstW, 8), kTilesY = div_up(kDstH, 8), kTiles = kTilesX * kTilesY;
// Of a tile: the rows and columns of each parity one after another.
constexpr int kPartH = 7 + div_up(kKernelH, kStride), kPartW = 7 + div_up(kKernelW, kStride);
constexpr int kPatchH = kStride * kPartH, kPatchW = kStride * kPartW;
/// Too many pixels a thread for their places to be kept in registers: they are worked out each time.
constexpr bool kManyParts = kStride == 2 && !kLinear && !TENON_SPLIT;
constexpr int kPitch = kDstW + kPadX, kPlanePositions = (kDstH + kPadY) * kPitch;  // linear
constexpr int kHalo = kPadY * kPitch + kPadX;

constexpr int kGroups =
    div_up(kLinear ? div_up(kImages * kPlanePositions, 64) : kImages * kTiles, kTilesOfBlock);  // of pixels
constexpr int kChannelBlocks = div_up(kChannels, kBlockN), kPieces = kGroups * kChannelBlocks;
constexpr int kPositions = kLinear ? kTilesOfBlock * 64 + 2 * kHalo : kTilesOfBlock * kPatchH * kPatchW;  // of a patch
constexpr int kPlaneBytes = kPositions * 16, kPlanesBytes = kChunkUnits * kPlaneBytes;
constexpr int kPatchBytes = kPlanesBytes * (TENON_SPLIT + 1);
constexpr int kGroupBytes = (kLinear ? 64 : kPatchH * kPatchW) * 16;  // from one warpgroup's pixels to the next one's
constexpr int kEightBytes = kLinear ? 128 : kPatchW * 16;             // from eight pixels to the next eight

TENON_DEVICE constexpr int tap_bytes(int tap) {
  const int y = tap / kKernelW, x = tap % kKernelW;
  if (kLinear) return (y * kPitch + x) * 16;
  return ((y % kStride * kPartH + y / kStride) * kPatchW + x % kStride * kPartW + x / kStride) * 16;
}

// Shared memory: stages of weights, patches, and for each of both its barriers.
constexpr int kPatchesAt = kRing * kStageBytes, kBarriersAt = kPatchesAt + kPatches * kPatchBytes;

/// Where somebody stands in a ring of `Size` slots, whose barriers lie at `At`: those of full slots, those of empty ones.
template <int Size, int At>
struct Slot {
  int slot = 0;
  u32 phase = 0;  // of the barriers of full slots
  TENON_DEVICE void next() {
    if (++slot == Size) {
      slot = 0;
      phase ^= 1;
    }
  }
  TENON_DEVICE u32 full(u32 shared) const { return shared + At + slot * 8; }
  TENON_DEVICE u32 empty(u32 shared) const { return shared + At + (Size + slot) * 8; }
  TENON_DEVICE void wait_full(u32 shared) const { barrier_wait(full(shared), phase); }
  /// At once in the first round: of a barrier that was never used, the phase before is over.
  TENON_DEVICE void wait_empty(u32 shared) const { barrier_wait(empty(shared), phase ^ 1); }
  TENON_DEVICE void give_back_previous(u32 shared) const {
    barrier_arrive(shared + At + (Size + (slot == 0 ? Size - 1 : slot - 1)) * 8);
  }
};
using Stage = Slot<kRing, kBarriersAt>;
using Patch = Slot<kPatches, kBarriersAt + kRing * 16>;

/// The unit of the source, in its image's first plane, that position `position` of a patch holds; -1 for padding.
TENON_DEVICE int source_of(int group, int position) {
  int n, y, x;
  bool inside;
  if constexpr (kLinear != 0) {
    const int at = group * kTilesOfBlock * 64 - kHalo + position;
    n = at / kPlanePositions;
    y = at % kPlanePositions / kPitch * kStride;
    x = at % kPlanePositions % kPitch * kStride;
    inside = at >= 0 && n < kImages && y < kSrcH && x < kSrcW;
  } else {
    const int tile = group * kTilesOfBlock + position / (kPatchH * kPatchW), in_tile = position % (kPatchH * kPatchW);
    const int row = in_tile / kPatchW, column = in_tile % kPatchW;
    const int from_y = row % kPartH * kStride + row / kPartH, from_x = column % kPartW * kStride + column / kPartW;
    n = tile / kTiles;
    y = tile % kTiles / kTilesX * 8 * kStride + from_y - kPadY;
    x = tile % kTiles % kTilesX * 8 * kStride + from_x - kPadX;
    // Of an odd filter the last of one parity is read by nobody.
    const bool read = from_y < 7 * kStride + kKernelH && from_x < 7 * kStride + kKernelW;
    inside = read && n < kImages && y >= 0 && y < kSrcH && x >= 0 && x < kSrcW;
  }
  return inside ? n * kSrcUnits * kSrcPixels + y * kSrcW + x : -1;
}

/// The weights lie in the order they are read: blocks of channels, chunks, taps.
TENON_DEVICE void stream_weights(const Pointers& p, u32 shared) {
  Stage at;
#pragma unroll 1
  for (int piece = blockIdx.x; piece < kPieces; piece += gridDim.x) {
    const char* from = static_cast<const char*>(p.weight) +
                       static_cast<u64>(piece % kChannelBlocks) * (kChunks * kTapsOfChunk * kStageBytes);
#pragma unroll 1
    for (int i = 0; i < kChunks * kTapsOfChunk; ++i, at.next()) {
      at.wait_empty(shared);
      barrier_expect(at.full(shared), kStageBytes);
      bulk_copy(shared + at.slot * kStageBytes, from + i * kStageBytes, kStageBytes, at.full(shared));
    }
  }
}

/// What one thread copies of a patch: the same positions of all planes.
struct Part {
  static constexpr int kParts = div_up(kPositions, kCopiers);
  int thread, group, from[kParts];
  u32 inside;  // a bit a position: fewer registers than a length each

  TENON_DEVICE void locate(int to_group) {
    group = to_group;
    if constexpr (kManyParts) return;
    inside = 0;
#pragma unroll
    for (int i = 0; i < kParts; ++i) {
      const int unit = source_of(group, thread + i * kCopiers);
      from[i] = unit < 0 ? 0 : unit;
      inside |= (unit < 0 ? 0u : 1u) << i;
    }
  }
  TENON_DEVICE bool has(int i) const {
    return kPositions % kCopiers == 0 || i < kParts - 1 || thread + i * kCopiers < kPositions;
  }
  TENON_DEVICE u32 place(u32 patch, int plane, int i) const {
    return patch + plane * kPlaneBytes + (thread + i * kCopiers) * 16;
  }

#if TENON_SPLIT
  /// Some planes at a time: loads of all of them are under way before the first is stored.
  TENON_DEVICE void copy(const uint4* planes, u32 patch, u32 full) const {
    constexpr int kPlanes = kParts <= 2 && kChunkUnits % 4 == 0 ? 4 : kChunkUnits % 2 == 0 ? 2 : 1;
#pragma unroll 1
    for (int first = 0; first < kChunkUnits; first += kPlanes) {
      uint4 words[kPlanes][kParts];
#pragma unroll
      for (int j = 0; j < kPlanes; ++j) {
#pragma unroll
        for (int i = 0; i < kParts; ++i) {
          words[j][i] = has(i) && (inside >> i & 1) ? load_unit(planes, (first + j) * kSrcPixels + from[i]) : uint4{};
        }
      }
#pragma unroll
      for (int j = 0; j < kPlanes; ++j) {
#pragma unroll
        for (int i = 0; i < kParts; ++i) {
          if (has(i)) store_split(place(patch, first + j, i), words[j][i]);
        }
      }
    }
    fence_async();
    barrier_arrive(full);
  }
  static TENON_DEVICE void store_split(u32 to, const uint4& words) {
    u32 high[4], low[4];
    split_tf32({words.x, words.y, words.z, words.w}, high, low);
    store_shared_unit(to, {high[0], high[1], high[2], high[3]});
    store_shared_unit(to + kPlanesBytes, {low[0], low[1], low[2], low[3]});
  }
#else
  /// The barrier counts the thread when its copies have arrived.
  TENON_DEVICE void copy(const uint4* planes, u32 patch, u32 full) const {
    if constexpr (kManyParts) {
#pragma unroll 1
      for (int position = thread; position < kPositions; position += kCopiers) {
        const int unit = source_of(group, position);
#pragma unroll
        for (int plane = 0; plane < kChunkUnits; ++plane) {
          copy_unit(patch + plane * kPlaneBytes + position * 16, planes + plane * kSrcPixels + larger(unit, 0), unit >= 0);
        }
      }
      copies_arrive(full);
      return;
    }
#pragma unroll 1
    for (int plane = 0; plane < kChunkUnits; ++plane) {
#pragma unroll
      for (int i = 0; i < kParts; ++i) {
        if (has(i)) copy_unit(place(patch, plane, i), planes + plane * kSrcPixels + from[i], inside >> i & 1);
      }
    }
    copies_arrive(full);
  }
#endif
};

TENON_DEVICE void stream_patches(const Pointers& p, u32 shared, int thread) {
  Part part{thread, 0, {}, 0};
  Patch at;
#pragma unroll 1
  for (int piece = blockIdx.x; piece < kPieces; piece += gridDim.x) {
    part.locate(piece / kChannelBlocks);
#pragma unroll 1
    for (int chunk = 0; chunk < kChunks; ++chunk, at.next()) {
      at.wait_empty(shared);
      part.copy(static_cast<const uint4*>(p.src) + chunk * kChunkUnits * kSrcPixels,
                shared + kPatchesAt + at.slot * kPatchBytes, at.full(shared));
    }
  }
  copy_wait_all();
}

/// A warpgroup that multiplies. Each warp gives slots back when the products after theirs are under way.
struct Consumer {
  u32 shared;
  int warpgroup, warp, lane;
  Stage stage;
  Patch patch;

  /// The pixels of step `k` of a stage, as a descriptor.
  static TENON_DEVICE u64 pixels_of(u32 a, int tap, int k) {
    if constexpr (kThin) {
      // Behind the last of an odd number of taps its own pixels stand again, for weights that are zero.
      const int next = 2 * k + 1 < kTaps ? tap_bytes(2 * k + 1) - tap_bytes(2 * k) : 0;
      return descriptor(a + tap_bytes(2 * k), next, kEightBytes);
    }
    return descriptor(a, kPlaneBytes, kEightBytes) + (tap_bytes(tap) + k * 2 * kPlaneBytes) / 16;
  }

  /// Starts the products of a stage.
  TENON_DEVICE void start_stage(float (&acc)[kBlockN / 2], u32 a, int tap) {
    const u64 b = descriptor(shared + stage.slot * kStageBytes, kBlockN * 16 * (TENON_SPLIT + 1), 128);
    pin(acc);
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < kSteps; ++k) {
      const u64 pixels = pixels_of(a, tap, k), weights = b + k * kBlockN * 2 * (TENON_SPLIT + 1);
#if TENON_SPLIT
      wgmma(acc, pixels + kPlanesBytes / 16, weights);
      wgmma(acc, pixels, weights + kBlockN);
#endif
      wgmma(acc, pixels, weights);
    }
    wgmma_commit();
  }

#if TENON_SPLIT
  TENON_DEVICE void multiply_stage(float (&acc)[kBlockN / 2], u32 a, int tap) {
    float part[kBlockN / 2];
#pragma unroll
    for (int i = 0; i < kBlockN / 2; ++i) part[i] = 0;
    start_stage(part, a, tap);
    wgmma_wait<0>();
    pin(part);
#pragma unroll
    for (int i = 0; i < kBlockN / 2; ++i) acc[i] += part[i];
  }
#else
  TENON_DEVICE void multiply_stage(float (&acc)[kBlockN / 2], u32 a, int tap) {
    start_stage(acc, a, tap);
    wgmma_wait<1>();  // the stage before is done
  }
#endif

  /// All products of a piece.
  TENON_DEVICE void multiply(float (&acc)[kBlockN / 2], float (&side)[kBlockN / 2]) {
#pragma unroll
    for (int i = 0; i < kBlockN / 2; ++i) acc[i] = 0;
    if constexpr (kSide != 0) {
#pragma unroll
      for (int i = 0; i < kBlockN / 2; ++i) side[i] = 0;
    }
#pragma unroll 1
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      patch.wait_full(shared);
      fence_async();
      const u32 a = shared + kPatchesAt + patch.slot * kPatchBytes + warpgroup * kGroupBytes;
#pragma unroll kTapsAtOnce
      for (int tap = 0; tap < kTapsOfChunk; ++tap) {
        stage.wait_full(shared);
        if constexpr (kSide != 0) {
          if (tap == kTaps) {
            multiply_stage(side, a, kMiddle);
          } else {
            multiply_stage(acc, a, tap);
          }
        } else {
          multiply_stage(acc, a, tap);
        }
        if (lane == 0 && (tap > 0 || chunk > 0)) stage.give_back_previous(shared);
        if (lane == 0 && tap == 0 && chunk > 0) patch.give_back_previous(shared);
        stage.next();
      }
      patch.next();
    }
    wgmma_wait<0>();
    pin(acc);
    if constexpr (kSide != 0) pin(side);
    if (lane == 0) {
      stage.give_back_previous(shared);
      patch.give_back_previous(shared);
    }
  }
};

/// A pixel of the outputs.
struct Pixel {
  int n, at;
  bool valid;
};
/// Where a lane's row `h` (of two, eight apart) of its warp's sixteen belongs.
TENON_DEVICE Pixel pixel_of(int group, int warpgroup, int warp, int lane, int h) {
  if constexpr (kLinear != 0) {
    const int at = (group * kTilesOfBlock + warpgroup) * 64 + warp * 16 + h * 8 + lane / 4;
    const int n = at / kPlanePositions, y = at % kPlanePositions / kPitch, x = at % kPlanePositions % kPitch;
    return {n, y * kDstW + x, n < kImages && y < kDstH && x < kDstW};
  } else {
    const int tile = group * kTilesOfBlock + warpgroup, n = tile / kTiles;
    const int y = tile % kTiles / kTilesX * 8 + warp * 2 + h, x = tile % kTiles % kTilesX * 8 + lane / 4;
    return {n, y * kDstW + x, n < kImages && y < kDstH && x < kDstW};
  }
}

TENON_DEVICE bool has_channel(int channel) { return kWholeBlocks || channel < round_up(kChannels, kUnit); }

template <class E>
TENON_DEVICE void store(const Pointers& p, const float (&acc)[kBlockN / 2], int piece, int warpgroup, int warp,
                        int lane) {
  constexpr int kColumnStep = 8 / kUnit * kDstPixels * kUnit;
  const int channel = piece % kChannelBlocks * kBlockN + lane % 4 * 2;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const Pixel pixel = pixel_of(piece / kChannelBlocks, warpgroup, warp, lane, h);
    const int at = element_of<kDstPixels>(pixel.n, channel, pixel.at);
    // Four columns at a time: what they read is under way together, in few registers.
    constexpr int kTogether = kColumns < 4 ? kColumns : 4;
#pragma unroll
    for (int first = 0; first < kColumns; first += kTogether) {
      Fetched<E> operands[kTogether];
#pragma unroll
      for (int j = 0; j < kTogether; ++j) {
        const int column = first + j;
        fetch<E, Which::activations>(operands[j], p, channel + column * 8, at + column * kColumnStep,
                                        pixel.valid && has_channel(channel + column * 8));
      }
#pragma unroll
      for (int j = 0; j < kTogether; ++j) {
        const int column = first + j;
        const bool there = pixel.valid && has_channel(channel + column * 8);
        fetch<E, Which::constants>(operands[j], p, channel + column * 8, 0, there);
        finish<E>(p, {acc[column * 4 + h * 2], acc[column * 4 + h * 2 + 1]}, operands[j], channel + column * 8,
                     at + column * kColumnStep, there);
      }
    }
  }
}

/// Lanes hold the columns of a tile, `h` two of its rows: a window is two lanes and both rows. Of two neighbouring units
/// of channels one lane of a window finishes the one, the other the other.
TENON_DEVICE void store_pooled(const Pointers& p, const float (&acc)[kBlockN / 2], int piece, int warpgroup, int warp,
                               int lane) {
  constexpr int kPooledW = kDstW / 2, kPooledPixels = kDstPixels / 4;
  const int tile = piece / kChannelBlocks * kTilesOfBlock + warpgroup, n = tile / kTiles, odd = lane / 4 % 2;
  const int y = tile % kTiles / kTilesX * 4 + warp, x = tile % kTiles % kTilesX * 4 + lane / 8;
  const int channel = piece % kChannelBlocks * kBlockN + odd * 8 + lane % 4 * 2;
  const int at = element_of<kPooledPixels>(n, channel, y * kPooledW + x);
#pragma unroll
  for (int j = 0; j < kColumns; j += 2) {
    float maxima[2][2];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      maxima[i / 2][i % 2] = max_nan(acc[(j + i / 2) * 4 + i % 2], acc[(j + i / 2) * 4 + 2 + i % 2]);
    }
    Pair x2;
    x2.a = max_nan(odd ? maxima[1][0] : maxima[0][0],
                   __shfl_xor_sync(0xffffffffu, odd ? maxima[0][0] : maxima[1][0], 4));
    x2.b = max_nan(odd ? maxima[1][1] : maxima[0][1],
                   __shfl_xor_sync(0xffffffffu, odd ? maxima[0][1] : maxima[1][1], 4));
    const bool there = n < kImages && has_channel(channel + j * 8);
    const int element = at + j * (8 / kUnit) * kPooledPixels * kUnit;
    Fetched<Main> operands;
    fetch<Main, Which::all>(operands, p, channel + j * 8, element, there);
    finish<Main>(p, x2, operands, channel + j * 8, element, there);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, kBlocksPerSm)
    tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char memory[];
  const u32 shared = shared_address(memory);
  if (threadIdx.x == 0) {
    Stage stage;
    for (int s = 0; s < kRing; ++s, stage.next()) {
      barrier_init(stage.full(shared), 1);
      barrier_init(stage.empty(shared), kTilesOfBlock * 4);
    }
    Patch patch;
    for (int s = 0; s < kPatches; ++s, patch.next()) {
      barrier_init(patch.full(shared), kCopiers);
      barrier_init(patch.empty(shared), kTilesOfBlock * 4);
    }
    barrier_init_done();
  }
  __syncthreads();
  const int warpgroup = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0), lane = threadIdx.x % 32;
  const int warp = threadIdx.x % 128 / 32;
  if (warpgroup == kTilesOfBlock) {
    keep_registers<kCopierRegisters>();
    if (warp == 0) {
      launch_dependents();
      if (lane == 0) stream_weights(p, shared);
    } else {
      wait_for_predecessor();
      launch_dependents();
      stream_patches(p, shared, threadIdx.x - kConsumers - 32);
    }
  } else {
    take_registers<kConsumerRegisters>();
    wait_for_predecessor();
    launch_dependents();
    Consumer consumer{shared, warpgroup, warp, lane, {}, {}};
#pragma unroll 1
    for (int piece = blockIdx.x; piece < kPieces; piece += gridDim.x) {
      float acc[kBlockN / 2], side[kBlockN / 2];
      consumer.multiply(acc, side);
      if constexpr (kPool != 0) {
        store_pooled(p, acc, piece, warpgroup, warp, lane);
      } else {
        store<Main>(p, acc, piece, warpgroup, warp, lane);
      }
      if constexpr (kSide != 0) {
        store<Side>(p, side, piece, warpgroup, warp, lane);
      }
    }
  }
}
