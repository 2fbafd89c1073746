// The halo patch: what an 8×8 tile of outputs needs of the input, kChunk channels of it, in shared memory as (channels /
// kUnit, rows, columns, 16 bytes). A tap of the filter is another start address, so nothing is ever unfolded: eight
// pixels of a row are the eight rows of a tensor core operand, the next row of the tile comes `kTileRowBytes` later, the
// next 16 bytes of K `kPlaneBytes` later. With stride 2 the even columns stand before the odd ones, so that a tile's
// columns are neighbours again.

constexpr int kTaps = kKernelH * kKernelW;
/// A 1×1 kernel reads only what it needs; a larger one reads every pixel between.
constexpr bool kSparse = kTaps == 1;
constexpr int kPatchStep = kSparse ? 1 : kStride;
constexpr int kPatchH = 7 * kPatchStep + kKernelH, kPatchW = 7 * kPatchStep + kKernelW;
constexpr int kEvenColumns = (kPatchW + 1) / 2;
constexpr int kPlaneUnits = kPatchH * kPatchW;
constexpr int kPlaneBytes = kPlaneUnits * 16;
constexpr int kTileRowBytes = kPatchW * 16 * kPatchStep;
constexpr int kPatchUnits = kChunk / kUnit * kPlaneUnits;
constexpr int kPatchBytes = kPatchUnits * 16;

constexpr int kSrcPixels = kSrcH * kSrcW, kDstPixels = kDstH * kDstW;
constexpr int kSrcUnits = div_up(kSrcChannels, kUnit);  // planes of an image
constexpr int kTilesX = div_up(kDstW, 8), kTilesY = div_up(kDstH, 8), kTiles = kTilesX * kTilesY;
constexpr int kSteps = kChunk / kStepChannels;  // tensor core instructions a tap

/// The byte in the patch at which a tap starts. The tap after the last is a 1×1 convolution that rides along.
TENON_DEVICE constexpr int tap_bytes(int tap) {
  const int y = tap == kTaps ? kPadY : tap / kKernelW, x = tap == kTaps ? kPadX : tap % kKernelW;
  const int column = kPatchStep == 1 ? x : x % 2 == 1 ? kEvenColumns + x / 2 : x / 2;
  return (y * kPatchW + column) * 16;
}

/// Where a tile lies.
struct Tile {
  int n, y, x;  // image; first row and column of the outputs
};
TENON_DEVICE Tile tile_at(int index) {
  const int in_image = index % kTiles;
  return {index / kTiles, in_image / kTilesX * 8, in_image % kTilesX * 8};
}

/// What one thread of `Threads` copies: worked out before the data may be read.
template <int Threads>
struct PatchPart {
  static constexpr int kParts = div_up(kPatchUnits, Threads);
  int unit[kParts];  // of the source, from the chunk's first plane on; -1 for padding

  TENON_DEVICE void locate(Tile tile, int thread) {
#pragma unroll
    for (int i = 0; i < kParts; ++i) {
      const int id = thread + i * Threads, plane = id / kPlaneUnits, row = id % kPlaneUnits / kPatchW;
      const int column = id % kPatchW;
      const int y = tile.y * kStride - kPadY + row * (kStride / kPatchStep);
      const int x = tile.x * kStride - kPadX + column * (kStride / kPatchStep);
      const bool inside = y >= 0 && y < kSrcH && x >= 0 && x < kSrcW;
      unit[i] = inside ? plane * kSrcPixels + y * kSrcW + x : -1;
    }
  }

  TENON_DEVICE void copy(const void* plane0, u32 patch, int thread) const {
#pragma unroll
    for (int i = 0; i < kParts; ++i) {
      const int id = thread + i * Threads, row = id % kPlaneUnits / kPatchW, column = id % kPatchW;
      const int at = kPatchStep == 1 ? column : column % 2 == 1 ? kEvenColumns + column / 2 : column / 2;
      const u32 to = patch + static_cast<u32>((id / kPlaneUnits * kPlaneUnits + row * kPatchW + at) * 16);
      const uint4* from = static_cast<const uint4*>(plane0) + (unit[i] < 0 ? 0 : unit[i]);
      if (kPatchUnits % Threads == 0 || i < kParts - 1 || id < kPatchUnits) copy_unit(to, from, unit[i] >= 0);
    }
  }
};

/// The planes of chunk `chunk` of image n.
TENON_DEVICE const uint4* chunk_planes(const Pointers& p, int n, int chunk) {
  return static_cast<const uint4*>(p.src) + (static_cast<u64>(n) * kSrcUnits + chunk * (kChunk / kUnit)) * kSrcPixels;
}
