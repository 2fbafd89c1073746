// Values in blocks of 16 bytes joined along their channels: each gives one run of units to every image. What was written
// where it belongs already is left.

struct __align__(16) Unit {
  u64 low, high;
};

struct ConcatGeometry {
  i64 images, units;  // of the result, an image
  int sources;
  i64 begin[MOST_JOINED + 1];  // of each source among them
  const Unit* src[MOST_JOINED];
};

extern "C" __global__ void concat(const ConcatGeometry g, Unit* dst) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < g.images * g.units;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const i64 n = i / g.units, unit = i - n * g.units;
    int k = 0;
    while (unit >= g.begin[k + 1]) ++k;
    const Unit* from = g.src[k] + n * (g.begin[k + 1] - g.begin[k]) + unit - g.begin[k];
    if (from != dst + i) dst[i] = *from;
  }
}
