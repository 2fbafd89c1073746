// Units, as they are stored, from (N, C / kUnit, pixels, kUnit) to channels last (N, pixels, C / kUnit, kUnit), or back. A
// warp moves eight pixels of four units: it reads and writes runs of 64 bytes and more.
// Generated: kImages, kChannels, kDstH, kDstW, kChannelsLast (of the outputs). Grid: images of ⌈units / 4⌉ of
// ⌈pixels / 64⌉, 256 threads.

constexpr int kPixelBlocks = div_up(kDstPixels, 64), kUnitBlocks = div_up(kDstUnits, 4);

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  const int block = blockIdx.x, n = block / (kPixelBlocks * kUnitBlocks);
  const int pixel = block % kPixelBlocks * 64 + threadIdx.x / 32 * 8 + threadIdx.x % 8;
  const int plane = block / kPixelBlocks % kUnitBlocks * 4 + threadIdx.x % 32 / 8;
  wait_for_predecessor();
  launch_dependents();
  if (pixel >= kDstPixels || plane >= kDstUnits) return;
  const int in_blocks = (n * kDstUnits + plane) * kDstPixels + pixel;
  const int channels_last = (n * kDstPixels + pixel) * kDstUnits + plane;
  static_cast<uint4*>(p.dst[0])[kChannelsLast ? channels_last : in_blocks] =
      load_unit(p.src, kChannelsLast ? in_blocks : channels_last);
}
