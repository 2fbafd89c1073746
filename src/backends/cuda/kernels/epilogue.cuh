// What happens to the products before they leave the registers. Generated before it: for each product of a kernel a
// struct (`Main`, and `Side` for one that rides along) with
//
//     kOperands, kOutputs           how many
//     per_channel(k), stored(i)     is operand k one value a channel; does anybody read output i
//     operand(p, k), dst(p, i)      where they lie
//     apply(x, v, y)                the expressions, for one element
//
// and kChannels, the channels of the outputs. Everything is done for two neighbouring channels at once.

/// What a kernel is given; the rest are constants.
struct Pointers {
  const void* src;
  const void* weight;
  const void* operand[8];
  void* dst[4];
  const void* side_operand[4];
  void* side_dst[2];
};

/// Operand k for channels `channel` and `channel` + 1 at element `at` of the outputs. One value a channel is fp32.
template <class E>
TENON_DEVICE Raw fetch_operand(const Pointers& p, int k, int channel, int at, bool valid) {
  if (E::per_channel(k)) {
    const float2 v = __ldg(reinterpret_cast<const float2*>(static_cast<const float*>(E::operand(p, k)) + channel));
    return {__float_as_uint(v.x), __float_as_uint(v.y)};
  }
  return valid ? load_pair(E::operand(p, k), at) : Raw{0, 0};
}

template <class E>
struct Fetched {
  Raw raw[E::kOperands + 1];
};

/// Which operands: those that are there before the predecessor is done, and those that it may have written.
enum class Which { constants, activations, all };

template <class E, Which W>
TENON_DEVICE void fetch(Fetched<E>& fetched, const Pointers& p, int channel, int at, bool valid) {
#pragma unroll
  for (int k = 0; k < E::kOperands; ++k) {
    if (W == Which::all || E::per_channel(k) == (W == Which::constants)) {
      fetched.raw[k] = fetch_operand<E>(p, k, channel, at, valid);
    }
  }
}

/// Writes every output of the two elements; returns the last of each.
template <class E>
TENON_DEVICE Pair finish(const Pointers& p, Pair x, const Fetched<E>& fetched, int channel, int at, bool valid) {
  float va[E::kOperands + 1], vb[E::kOperands + 1], ya[E::kOutputs], yb[E::kOutputs];
#pragma unroll
  for (int k = 0; k < E::kOperands; ++k) {
    const Raw raw = fetched.raw[k];
    const Pair v = E::per_channel(k) ? Pair{__uint_as_float(raw.lo), __uint_as_float(raw.hi)} : unpack(raw);
    va[k] = v.a;
    vb[k] = v.b;
  }
  E::apply(x.a, va, ya);
  E::apply(x.b, vb, yb);
#pragma unroll
  for (int i = 0; i < E::kOutputs; ++i) {
    // Channels beyond the last are zero in the layout, whatever the expressions make of zero.
    if (kChannels % kUnit != 0 && channel >= kChannels) ya[i] = 0;
    if (kChannels % kUnit != 0 && channel + 1 >= kChannels) yb[i] = 0;
    if (E::stored(i) && valid) store_pair(E::dst(p, i), at, ya[i], yb[i]);
  }
  return {ya[E::kOutputs - 1], yb[E::kOutputs - 1]};
}

/// The element of the outputs for a pixel (its index within a plane) of image n: (N, C / kUnit, pixels, kUnit).
template <int Pixels>
TENON_DEVICE int element_of(int n, int channel, int pixel) {
  return ((n * div_up(kChannels, kUnit) + channel / kUnit) * Pixels + pixel) * kUnit + channel % kUnit;
}
