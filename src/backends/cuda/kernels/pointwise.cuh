// Expressions alone: no products before them.
// Generated: kImages, kDstH, kDstW, kChannels, kChannelsLast. Grid: ⌈units / 256⌉.

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  const int unit = blockIdx.x * 256 + threadIdx.x;
  wait_for_predecessor();
  launch_dependents();
  if (unit >= kAllUnits) return;
  finish_unit<Main>(p, unpack_unit(load_unit(p.src, unit)), place_of(unit), unit);
}
