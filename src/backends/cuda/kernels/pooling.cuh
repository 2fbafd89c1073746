// Pooling by windows over up to three axes: a thread makes one unit.
// Generated: kImages, kChannels, kDstH, kDstW, kChannelsLast as for all units, kDstH being the rows of all slices; kSrcD, kSrcH,
// kSrcW, kDstSliceH, kKernelD, kKernelH, kKernelW, kStrideZ, kStrideY, kStrideX, kPadZ, kPadY, kPadX, kMax, kAverage (neither: the
// sum), kPower (1 to 3, of a p-norm), kCountPadding. Grid: ⌈units / 256⌉.

constexpr int kSrcPixels = kSrcD * kSrcH * kSrcW, kTaps = kKernelD * kKernelH * kKernelW;

/// How many elements of an axis count from `first` on. Padding does where asked for, but never what lies beyond it.
TENON_DEVICE int counted(int first, int kernel, int src, int pad) {
  const int low = kCountPadding ? first : larger(first, 0), high = min(first + kernel, src + (kCountPadding ? pad : 0));
  return high - low;
}

TENON_DEVICE Unit pool(const Pointers& p, Place at) {
  const int row = at.pixel / kDstW;
  const int first_z = row / kDstSliceH * kStrideZ - kPadZ, first_y = row % kDstSliceH * kStrideY - kPadY;
  const int first_x = at.pixel % kDstW * kStrideX - kPadX;
  Unit result;
#pragma unroll
  for (int c = 0; c < kUnit; ++c) result.v[c] = kMax ? __uint_as_float(0xff800000u) : 0;
#pragma unroll(kTaps <= 49 ? kTaps : 1)
  for (int k = 0; k < kTaps; ++k) {
    const int z = first_z + k / (kKernelH * kKernelW), y = first_y + k / kKernelW % kKernelH, x = first_x + k % kKernelW;
    if (z < 0 || z >= kSrcD || y < 0 || y >= kSrcH || x < 0 || x >= kSrcW) continue;
    const Unit v = unpack_unit(load_unit(p.src, unit_at(at.n, at.plane, (z * kSrcH + y) * kSrcW + x, kSrcPixels)));
#pragma unroll
    for (int c = 0; c < kUnit; ++c) {
      const float term = kPower == 1 ? v.v[c] : kPower == 2 ? v.v[c] * v.v[c] : v.v[c] * v.v[c] * v.v[c];
      result.v[c] = kMax ? max_nan(result.v[c], v.v[c]) : result.v[c] + term;
    }
  }
  if (kAverage) {
    const float divisor =
        static_cast<float>(counted(first_z, kKernelD, kSrcD, kPadZ) * counted(first_y, kKernelH, kSrcH, kPadY) *
                           counted(first_x, kKernelW, kSrcW, kPadX));
#pragma unroll
    for (int c = 0; c < kUnit; ++c) result.v[c] /= divisor;
  }
  if (kPower > 1) {
#pragma unroll
    for (int c = 0; c < kUnit; ++c) result.v[c] = kPower == 2 ? sqrtf(result.v[c]) : cbrtf(result.v[c]);
  }
  return result;
}

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  const int unit = blockIdx.x * 256 + threadIdx.x;
  wait_for_predecessor();
  launch_dependents();
  if (unit >= kAllUnits) return;
  const Place at = place_of(unit);
  finish_unit<Main>(p, pool(p, at), at, unit);
}
