// fp32 by wgmma: an operand is what TF32 keeps of it and the rest, and three of the four products are summed. A is split on
// its way through registers; weights lie split, a unit's 16 bytes of all channels of the block, then their rests.
//
// The tensor cores cut sums off where they should round them. Over the thousand additions of a convolution that draws
// every result towards zero by about 1e-5, over a network of such by 2e-4. So only kSplitSteps steps are summed there;
// their sums are added by ordinary additions.

constexpr int kSplitSteps = 4;

/// Where a lane reads its part of A: 64 rows as a descriptor with these offsets would name them, 16 a warp.
TENON_DEVICE u32 split_address(u32 address, u32 leading, u32 stride, int warp, int lane) {
  return address + (warp * 2 + lane / 8 % 2) * stride + lane / 16 * leading + lane % 8 * 16;
}

/// `sums` += the products of `Steps` steps. `a` is the lane's address, `b` the descriptor of the weights.
template <int Steps, int Size>
TENON_DEVICE void multiply_part(float (&sums)[Size], u32 a, u32 leading, u64 b) {
  constexpr int kColumnsOfPart = Size * 2;
  float part[Size];
  u32 high[Steps][4], low[Steps][4];
#pragma unroll
  for (int k = 0; k < Steps; ++k) {
    u32 words[4];
    load_matrices(words, a + k * 2 * leading);
    split_tf32(words, high[k], low[k]);
    const u64 at = b + k * kColumnsOfPart * 4;
    wgmma_fence();
    if (k == 0) {
      wgmma_first(part, low[k], at);
    } else {
      wgmma_registers(part, low[k], at);
    }
    wgmma_registers(part, high[k], at + kColumnsOfPart);
    wgmma_registers(part, high[k], at);
  }
  wgmma_commit();
  wgmma_wait<0>();
  pin(part);
#pragma unroll
  for (int i = 0; i < Size; ++i) sums[i] += part[i];
}

/// The same for any number of steps.
template <int Steps, int Size>
TENON_DEVICE void multiply_split(float (&sums)[Size], u32 a, u32 leading, u64 b) {
  constexpr int kPart = Steps % kSplitSteps == 0 ? kSplitSteps : Steps % 2 == 0 ? 2 : 1;
#pragma unroll 1
  for (int k = 0; k < Steps; k += kPart) {
    multiply_part<kPart>(sums, a + k * 2 * leading, leading, b + k * Size * 8);
  }
}
