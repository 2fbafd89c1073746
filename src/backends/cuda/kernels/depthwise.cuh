// Depthwise convolution: a thread makes kRun neighbouring pixels of one unit, so that a row of the input is read once for
// all of them. Limited by memory: it moves 16 bytes an access.
// Generated: kImages, kSrcH, kSrcW, kDstH, kDstW, kChannels, kKernelH, kKernelW, kStrideY, kStrideX, kPadY, kPadX, kDilateY,
// kDilateX, kRun. Weights: fp32 (units of channels, taps, kUnit). Grid: ⌈units of kRun pixels / 128⌉, 128 threads.

constexpr int kSrcPixels = kSrcH * kSrcW, kTaps = kKernelH * kKernelW;
constexpr int kRuns = div_up(kDstW, kRun), kAllRuns = kImages * kDstUnits * kDstH * kRuns;
constexpr int kSpan = (kRun - 1) * kStrideX + (kKernelW - 1) * kDilateX + 1;  // columns a run reads

extern "C" __global__ void __launch_bounds__(128) tenon_kernel(const __grid_constant__ Pointers p) {
  const int run = blockIdx.x * 128 + threadIdx.x;
  const int n = run / (kDstUnits * kDstH * kRuns), plane = run / (kDstH * kRuns) % kDstUnits;
  const int y = run / kRuns % kDstH, x = run % kRuns * kRun;
  wait_for_predecessor();
  launch_dependents();
  if (run >= kAllRuns) return;
  const float* weights = static_cast<const float*>(p.weight) + plane * kTaps * kUnit;
  const int from = (n * kDstUnits + plane) * kSrcPixels;
  Unit sums[kRun];
#pragma unroll
  for (int r = 0; r < kRun; ++r) {
#pragma unroll
    for (int c = 0; c < kUnit; ++c) sums[r].v[c] = 0;
  }
#pragma unroll
  for (int ky = 0; ky < kKernelH; ++ky) {
    const int src_y = y * kStrideY - kPadY + ky * kDilateY, src_x = x * kStrideX - kPadX;
    if (src_y < 0 || src_y >= kSrcH) continue;
    Unit w[kKernelW];
#pragma unroll
    for (int kx = 0; kx < kKernelW; ++kx) {
#pragma unroll
      for (int c = 0; c < kUnit; c += 4) {
        const float4 v = __ldg(reinterpret_cast<const float4*>(weights + (ky * kKernelW + kx) * kUnit + c));
        w[kx].v[c] = v.x;
        w[kx].v[c + 1] = v.y;
        w[kx].v[c + 2] = v.z;
        w[kx].v[c + 3] = v.w;
      }
    }
#pragma unroll
    for (int s = 0; s < kSpan; ++s) {
      if (src_x + s < 0 || src_x + s >= kSrcW) continue;
      const Unit v = unpack_unit(load_unit(p.src, from + src_y * kSrcW + src_x + s));
#pragma unroll
      for (int kx = 0; kx < kKernelW; ++kx) {
#pragma unroll
        for (int r = 0; r < kRun; ++r) {
          if (s != r * kStrideX + kx * kDilateX) continue;
#pragma unroll
          for (int c = 0; c < kUnit; ++c) sums[r].v[c] = fmaf(v.v[c], w[kx].v[c], sums[r].v[c]);
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kRun; ++r) {
    if (x + r >= kDstW) continue;
    const Place at{n, plane, y * kDstW + x + r};
    finish_unit<Main>(p, sums[r], at, (n * kDstUnits + plane) * kDstPixels + at.pixel);
  }
}
