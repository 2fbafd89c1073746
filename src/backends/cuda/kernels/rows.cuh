// A matrix times few rows (fully connected layers of small batches): limited by reading the weights once. A warp makes
// kOutputsOfWarp outputs of up to kRowsOfBlock rows, each lane takes every 32nd unit of K.
// Generated: kImages (rows), kSrcChannels (K, a multiple of kUnit), kChannels, kPitch (elements from row to row of the
// outputs; the channels between are zero), kRowsOfBlock, kOutputsOfWarp, kF32Out.
// Weights: (kChannels up to whole blocks, K), K in the order of a row of the layout. Outputs: fp32 with kF32Out, whatever is
// stored.
// Grid: (⌈kChannels / (8 × kOutputsOfWarp)⌉, ⌈rows / kRowsOfBlock⌉), 256 threads.

constexpr int kUnitsOfK = kSrcChannels / kUnit;
/// Units of weights a lane holds before the predecessor is done.
constexpr int kEarly = kUnitsOfK / 32 < 2 ? 1 : 2;

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int first = (blockIdx.x * 8 + warp) * kOutputsOfWarp, row0 = blockIdx.y * kRowsOfBlock;
  const uint4* weights = static_cast<const uint4*>(p.weight) + static_cast<u64>(first) * kUnitsOfK;
  uint4 early[kEarly][kOutputsOfWarp];
#pragma unroll
  for (int e = 0; e < kEarly; ++e) {
#pragma unroll
    for (int o = 0; o < kOutputsOfWarp; ++o) {
      early[e][o] = lane + e * 32 < kUnitsOfK ? __ldg(weights + o * kUnitsOfK + lane + e * 32) : uint4{0, 0, 0, 0};
    }
  }
  wait_for_predecessor();
  launch_dependents();
  float sums[kOutputsOfWarp][kRowsOfBlock];
#pragma unroll
  for (int o = 0; o < kOutputsOfWarp; ++o) {
#pragma unroll
    for (int r = 0; r < kRowsOfBlock; ++r) sums[o][r] = 0;
  }
  const auto add = [&](int unit, const uint4(&w)[kOutputsOfWarp]) {
    if (unit >= kUnitsOfK) return;
    Unit x[kRowsOfBlock];
#pragma unroll
    for (int r = 0; r < kRowsOfBlock; ++r) {
      const int row = row0 + r < kImages ? row0 + r : kImages - 1;
      x[r] = unpack_unit(load_unit(p.src, row * kUnitsOfK + unit));
    }
#pragma unroll
    for (int o = 0; o < kOutputsOfWarp; ++o) {
      const Unit v = unpack_unit(w[o]);
#pragma unroll
      for (int r = 0; r < kRowsOfBlock; ++r) {
#pragma unroll
        for (int c = 0; c < kUnit; ++c) sums[o][r] = fmaf(v.v[c], x[r].v[c], sums[o][r]);
      }
    }
  };
#pragma unroll
  for (int e = 0; e < kEarly; ++e) add(lane + e * 32, early[e]);
#pragma unroll 2
  for (int unit = lane + kEarly * 32; unit < kUnitsOfK; unit += 32) {
    uint4 w[kOutputsOfWarp];
#pragma unroll
    for (int o = 0; o < kOutputsOfWarp; ++o) w[o] = __ldg(weights + o * kUnitsOfK + unit);
    add(unit, w);
  }
#pragma unroll
  for (int o = 0; o < kOutputsOfWarp; ++o) {
#pragma unroll
    for (int r = 0; r < kRowsOfBlock; ++r) {
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2) {
        sums[o][r] += __shfl_xor_sync(0xffffffffu, sums[o][r], distance);
      }
    }
  }
  // Lane r finishes row r.
#pragma unroll
  for (int o = 0; o < kOutputsOfWarp; ++o) {
    float x = 0;
#pragma unroll
    for (int r = 0; r < kRowsOfBlock; ++r) x = lane == r ? sums[o][r] : x;
    const int channel = first + o, row = row0 + lane;
    if (lane >= kRowsOfBlock || row >= kImages || channel >= kPitch) continue;
    float v[Main::kOperands + 1], y[Main::kOutputs];
#pragma unroll
    for (int k = 0; k < Main::kOperands; ++k) {
      v[k] = Main::per_channel(k) ? __ldg(static_cast<const float*>(Main::operand(p, k)) + channel)
                                  : load_one(Main::operand(p, k), row * kPitch + channel);
    }
    Main::apply(x, v, y);
#pragma unroll
    for (int i = 0; i < Main::kOutputs; ++i) {
      if (!Main::stored(i)) continue;
      const float result = channel < kChannels ? y[i] : 0;
      if (kF32Out) {
        static_cast<float*>(Main::dst(p, i))[row * kPitch + channel] = result;
      } else {
        store_one(Main::dst(p, i), row * kPitch + channel, result);
      }
    }
  }
}
