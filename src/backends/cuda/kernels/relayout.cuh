// Units, as they are stored, from (N, C / kUnit, pixels, kUnit) to channels last (N, pixels, C / kUnit, kUnit), or back. A
// warp moves eight pixels of four units: it reads and writes runs of 64 bytes and more.
// Generated: kImages, kChannels, kDstH, kDstW, kChannelsLast (of the outputs). Grid: (⌈pixels / 64⌉, ⌈units / 4⌉, images),
// 256 threads.

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  const int pixel = blockIdx.x * 64 + threadIdx.x / 32 * 8 + threadIdx.x % 8;
  const int plane = blockIdx.y * 4 + threadIdx.x % 32 / 8, n = blockIdx.z;
  wait_for_predecessor();
  launch_dependents();
  if (pixel >= kDstPixels || plane >= kDstUnits) return;
  const int in_blocks = (n * kDstUnits + plane) * kDstPixels + pixel;
  const int channels_last = (n * kDstPixels + pixel) * kDstUnits + plane;
  static_cast<uint4*>(p.dst[0])[kChannelsLast ? channels_last : in_blocks] =
      load_unit(p.src, kChannelsLast ? in_blocks : channels_last);
}
