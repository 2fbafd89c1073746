// 7×7 pooled pixels a block, and the patch of the data that they need, for 256 threads.

constexpr int kTilesX = div_up(kDstW, 7), kTilesY = div_up(kDstH, 7), kTiles = kTilesX * kTilesY;
constexpr int kPatchH = 37, kPatchPairs = 19;

/// Hands pair `id` of the patch with its four channels to store(id, channels). All loads first, then all stores: at batch 1
/// the latency of one is as much as they cost together.
template <class Store>
TENON_DEVICE void load_patch(const float* image, int first_y, int first_pair, const Store& store) {
  constexpr int kParts = div_up(kPatchH * kPatchPairs, 256);
  Pair c[kParts][4];
#pragma unroll
  for (int i = 0; i < kParts; ++i) {
    const int id = threadIdx.x + i * 256;
    const int y = first_y + id / kPatchPairs, x = 2 * (first_pair + id % kPatchPairs);
    const bool inside = id < kPatchH * kPatchPairs && y >= 0 && y < kSrcH && x >= 0 && x < kSrcW;
#pragma unroll
    for (int channel = 0; channel < 4; ++channel) {
      c[i][channel] = inside ? load_two(image, channel, y * kSrcW + x) : Pair{0, 0};
    }
  }
#pragma unroll
  for (int i = 0; i < kParts; ++i) {
    const int id = threadIdx.x + i * 256;
    if (id < kPatchH * kPatchPairs) store(id, c[i]);
  }
}

