// Pooling with small windows: a thread makes one unit.
// Generated: kImages, kSrcH, kSrcW, kDstH, kDstW, kChannels, kKernelH, kKernelW, kStrideY, kStrideX, kPadY, kPadX, kPadEndY,
// kPadEndX, kMax (else the average), kCountPadding, kChannelsLast. Grid: ⌈units / 256⌉.

constexpr int kSrcPixels = kSrcH * kSrcW;

TENON_DEVICE Unit pool(const Pointers& p, Place at) {
  const int first_y = at.pixel / kDstW * kStrideY - kPadY, first_x = at.pixel % kDstW * kStrideX - kPadX;
  Unit result;
#pragma unroll
  for (int c = 0; c < kUnit; ++c) result.v[c] = kMax ? __uint_as_float(0xff800000u) : 0;
#pragma unroll
  for (int k = 0; k < kKernelH * kKernelW; ++k) {
    const int y = first_y + k / kKernelW, x = first_x + k % kKernelW;
    if (y < 0 || y >= kSrcH || x < 0 || x >= kSrcW) continue;
    const Unit v = unpack_unit(load_unit(p.src, unit_at(at.n, at.plane, y * kSrcW + x, kSrcPixels)));
#pragma unroll
    for (int c = 0; c < kUnit; ++c) result.v[c] = kMax ? max_nan(result.v[c], v.v[c]) : result.v[c] + v.v[c];
  }
  if (!kMax) {
    // Padding counts where asked for, but never what lies beyond it.
    const int low_y = kCountPadding ? first_y : larger(first_y, 0), low_x = kCountPadding ? first_x : larger(first_x, 0);
    const int high_y = min(first_y + kKernelH, kSrcH + (kCountPadding ? kPadY : 0));
    const int high_x = min(first_x + kKernelW, kSrcW + (kCountPadding ? kPadX : 0));
    const float divisor = static_cast<float>((high_y - low_y) * (high_x - low_x));
#pragma unroll
    for (int c = 0; c < kUnit; ++c) result.v[c] /= divisor;
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
