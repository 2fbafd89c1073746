// Between row-major fp32 (N, C, pixels) and a layout of the kernels, (N, C / kUnit, pixels, kUnit) or channels last, in
// their storage: a thread moves one unit.
// Generated: kImages, kChannels, kDstH, kDstW, kChannelsLast, kToBlocks. Grid: ⌈units / 256⌉.

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  const int unit = blockIdx.x * 256 + threadIdx.x;
  wait_for_predecessor();
  launch_dependents();
  if (unit >= kAllUnits) return;
  const Place at = place_of(unit);
  const u64 plane0 = (static_cast<u64>(at.n) * kChannels + at.plane * kUnit) * kDstPixels + at.pixel;
  Unit values;
  if (!kToBlocks) values = unpack_unit(load_unit(p.src, unit));
#pragma unroll
  for (int c = 0; c < kUnit; ++c) {
    const bool there = kChannels % kUnit == 0 || at.plane * kUnit + c < kChannels;
    const u64 element = plane0 + static_cast<u64>(c) * kDstPixels;
    if (kToBlocks) {
      values.v[c] = there ? __ldcg(static_cast<const float*>(p.src) + element) : 0;
    } else if (there) {
      static_cast<float*>(p.dst[0])[element] = values.v[c];
    }
  }
  if (kToBlocks) static_cast<uint4*>(p.dst[0])[unit] = pack_unit(values);
}
