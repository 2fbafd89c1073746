// A border around a box: a constant, the edge's values, or the inside mirrored at the edge. A thread makes an element,
// whose place in the source follows axis by axis.

struct PadGeometry {
  i64 count;
  int rank, mode;  // 0: constant, 1: edge, 2: reflect
  i64 dst_extent[AXES], src_extent[AXES], before[AXES];
  double value;
};

extern "C" __global__ void pad(const PadGeometry g, T* dst, const T* src) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < g.count;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    i64 rest = i, from = 0, stride = 1;
    bool inside = true;
    for (int axis = g.rank - 1; axis >= 0; --axis) {
      const i64 extent = g.src_extent[axis], last = extent - 1;
      i64 at = rest % g.dst_extent[axis] - g.before[axis];
      rest /= g.dst_extent[axis];
      if (at < 0 || at > last) {
        inside = inside && g.mode != 0;
        const i64 edge = at < 0 ? 0 : last;
        at = g.mode == 2 ? 2 * edge - at : edge;
      }
      from += at * stride;
      stride *= extent;
    }
    dst[i] = inside ? src[from] : convert<T>(g.value);
  }
}
