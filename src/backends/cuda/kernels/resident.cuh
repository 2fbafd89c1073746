// Convolution for many images with few input channels: a block keeps all weights of kBlockN channels, and each of its
// warpgroups walks its own 8×8 tiles with two halo patches: 56 µs for the 64 → 64 layers of ResNet-18 at batch 128.
//
// Generated: as for ring.cuh without kSplit and kRing; kSide is 0. Grid: (blocks / ⌈kChannels / kBlockN⌉, ⌈kChannels /
// kBlockN⌉), as many blocks as are resident together.

constexpr int kChunks = kSrcChannels / kChunk;
constexpr int kChunkWeightBytes = kTaps * kChunk * kBlockN * kElementBytes, kWeightBytes = kChunks * kChunkWeightBytes;
constexpr int kColumns = kBlockN / 8;
constexpr int kAllTiles = kImages * kTiles;
constexpr bool kWholeBlocks = round_up(kChannels, kUnit) % kBlockN == 0;

/// Where a lane's results of a tile go.
struct Target {
  int channel, at[2];
  bool valid[2];
  TENON_DEVICE void locate(Tile tile, int warp, int lane) {
    channel = blockIdx.y * kBlockN + lane % 4 * 2;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int y = tile.y + warp * 2 + h, x = tile.x + lane / 4;
      valid[h] = y < kDstH && x < kDstW;
      at[h] = element_of<kDstPixels>(tile.n, channel, y * kDstW + x);
    }
  }
  TENON_DEVICE bool there(int h, int j) const {
    return valid[h] && (kWholeBlocks || channel + j * 8 < round_up(kChannels, kUnit));
  }
  TENON_DEVICE int element(int h, int j) const { return at[h] + j * (8 / kUnit) * kDstPixels * kUnit; }
};

extern "C" __global__ void __launch_bounds__(kTilesOfBlock * 128, kBlocksPerSm)
    tenon_kernel(const __grid_constant__ Pointers p) {
  extern __shared__ __align__(128) char shared[];
  const int group = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0), thread = threadIdx.x % 128;
  const int warp = thread / 32, lane = thread % 32;
  const u32 weights = shared_address(shared), patches = weights + kWeightBytes + group * 2 * kPatchBytes;
  const u32 loaded = weights + kWeightBytes + kTilesOfBlock * 2 * kPatchBytes;
  if (threadIdx.x == 0) {
    barrier_init(loaded, 1);
    barrier_init_done();
    barrier_expect(loaded, kWeightBytes);
    const char* from = static_cast<const char*>(p.weight) + static_cast<u64>(blockIdx.y) * kWeightBytes;
    for (int c = 0; c < kChunks; ++c) {
      bulk_copy(weights + c * kChunkWeightBytes, from + c * kChunkWeightBytes, kChunkWeightBytes, loaded);
    }
  }
  launch_dependents();
  __syncthreads();
  wait_for_predecessor();

  const int step = gridDim.x * kTilesOfBlock;
  int index = blockIdx.x * kTilesOfBlock + group, slot = 0;
  if (index >= kAllTiles) return;
  PatchPart<128> part;
  Tile tile = tile_at(index);
  part.locate(tile, thread);
  part.copy(chunk_planes(p, tile.n, 0), patches, thread);
  copy_commit();
  barrier_wait(loaded, 0);
#pragma unroll 1
  while (index < kAllTiles) {
    float acc[kBlockN / 2];
#pragma unroll
    for (int i = 0; i < kBlockN / 2; ++i) acc[i] = 0;
    Target target;
    target.locate(tile, warp, lane);
    Fetched<Main> operands[2][kColumns];
    Tile next = tile;
#pragma unroll 1
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      copy_wait<0>();
      fence_async();
      sync_warpgroup(group + 1);
      pin(acc);
      wgmma_fence();
      const u64 a = descriptor(patches + slot * kPatchBytes, kPlaneBytes, kTileRowBytes);
      const u64 b = descriptor(weights + chunk * kChunkWeightBytes, kBlockN * 16, 128);
#pragma unroll
      for (int tap = 0; tap < kTaps; ++tap) {
#pragma unroll
        for (int k = 0; k < kSteps; ++k) {
          wgmma(acc, a + (tap_bytes(tap) + k * 2 * kPlaneBytes) / 16, b + (tap * kSteps + k) * kBlockN * 2);
        }
      }
      wgmma_commit();
      slot ^= 1;
      const bool last = chunk == kChunks - 1;
      if (last && index + step < kAllTiles) {
        next = tile_at(index + step);
        part.locate(next, thread);
      }
      if (!last || index + step < kAllTiles) {
        part.copy(chunk_planes(p, next.n, last ? 0 : chunk + 1), patches + slot * kPatchBytes, thread);
      }
      copy_commit();
      if (last) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
#pragma unroll
          for (int j = 0; j < kColumns; ++j) {
            fetch<Main, Which::activations>(operands[h][j], p, target.channel + j * 8, target.element(h, j),
                                            target.there(h, j));
          }
        }
      }
      wgmma_wait<0>();
      pin(acc);
    }
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        fetch<Main, Which::constants>(operands[h][j], p, target.channel + j * 8, 0, true);
        finish<Main>(p, {acc[j * 4 + h * 2], acc[j * 4 + h * 2 + 1]}, operands[h][j], target.channel + j * 8,
                     target.element(h, j), target.there(h, j));
      }
    }
    index += step;
    tile = next;
  }
}
