// What kernels that make one 16-byte unit a thread share: kUnit channels of one pixel.

constexpr int kDstPixels = kDstH * kDstW, kDstUnits = div_up(kChannels, kUnit);
constexpr int kAllUnits = kImages * kDstUnits * kDstPixels;

// kChannelsLast: a pixel's units lie one after another, (N, pixels, C / kUnit, kUnit), in place of a unit's pixels.

/// Which unit of the outputs.
struct Place {
  int n, plane, pixel;
};
TENON_DEVICE Place place_of(int unit) {
  if (kChannelsLast) return {unit / (kDstUnits * kDstPixels), unit % kDstUnits, unit / kDstUnits % kDstPixels};
  return {unit / (kDstUnits * kDstPixels), unit / kDstPixels % kDstUnits, unit % kDstPixels};
}
/// The other way round, of a tensor with as many channels and `pixels` pixels.
TENON_DEVICE int unit_at(int n, int plane, int pixel, int pixels) {
  return kChannelsLast ? (n * pixels + pixel) * kDstUnits + plane : (n * kDstUnits + plane) * pixels + pixel;
}

/// The epilogue of a whole unit, stored with one write an output.
template <class E>
TENON_DEVICE void finish_unit(const Pointers& p, const Unit& x, Place at, int unit) {
  Unit operands[E::kOperands + 1], results[E::kOutputs];
#pragma unroll
  for (int k = 0; k < E::kOperands; ++k) {
    if (E::per_channel(k)) {
#pragma unroll
      for (int c = 0; c < kUnit; ++c) {
        operands[k].v[c] = __ldg(static_cast<const float*>(E::operand(p, k)) + at.plane * kUnit + c);
      }
    } else {
      operands[k] = unpack_unit(load_unit(E::operand(p, k), unit));
    }
  }
#pragma unroll
  for (int c = 0; c < kUnit; ++c) {
    float v[E::kOperands + 1], y[E::kOutputs];
#pragma unroll
    for (int k = 0; k < E::kOperands; ++k) v[k] = operands[k].v[c];
    E::apply(x.v[c], v, y);
#pragma unroll
    for (int i = 0; i < E::kOutputs; ++i) {
      const bool beyond = kChannels % kUnit != 0 && at.plane * kUnit + c >= kChannels;
      results[i].v[c] = beyond ? 0 : y[i];
    }
  }
#pragma unroll
  for (int i = 0; i < E::kOutputs; ++i) {
    if (E::stored(i)) static_cast<uint4*>(E::dst(p, i))[unit] = pack_unit(results[i]);
  }
}
