// Pooling of whole planes: a warp makes one unit of one image, its lanes take turns at the pixels.
// Generated: kImages, kSrcPixels, kChannels, kMax, kAverage (neither: the sum), kChannelsLast, kDstH = kDstW = 1. Grid: ⌈units / 8⌉, 256 threads.

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  const int unit = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  wait_for_predecessor();
  launch_dependents();
  if (unit >= kAllUnits) return;
  const Place at = place_of(unit);
  Unit result;
#pragma unroll
  for (int c = 0; c < kUnit; ++c) result.v[c] = kMax ? __uint_as_float(0xff800000u) : 0;
#pragma unroll
  for (int i = 0; i < div_up(kSrcPixels, 32); ++i) {
    const int pixel = lane + i * 32;
    if (pixel >= kSrcPixels) continue;
    const Unit v = unpack_unit(load_unit(p.src, unit_at(at.n, at.plane, pixel, kSrcPixels)));
#pragma unroll
    for (int c = 0; c < kUnit; ++c) result.v[c] = kMax ? max_nan(result.v[c], v.v[c]) : result.v[c] + v.v[c];
  }
#pragma unroll
  for (int c = 0; c < kUnit; ++c) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(0xffffffffu, result.v[c], distance);
      result.v[c] = kMax ? max_nan(result.v[c], other) : result.v[c] + other;
    }
    if (kAverage) result.v[c] *= 1.0f / kSrcPixels;
  }
  if (lane == 0) finish_unit<Main>(p, result, at, unit);
}
