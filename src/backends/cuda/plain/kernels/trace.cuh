// Sums of diagonals, a thread each.

struct TraceGeometry {
  i64 count, length, offset, step;  // results; elements of a diagonal, its first one and from one to the next
  int rank;
  i64 extent[MOST_AXES], stride[MOST_AXES];  // of the axes that stay
};

extern "C" __global__ void trace(const TraceGeometry g, T* dst, const T* src) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < g.count;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    i64 rest = i, from = g.offset;
    for (int axis = g.rank - 1; axis >= 0; --axis) {
      from += rest % g.extent[axis] * g.stride[axis];
      rest /= g.extent[axis];
    }
    A sum = 0;
    for (i64 k = 0; k < g.length; ++k) sum += load(src[from + k * g.step]);
    dst[i] = convert<T>(sum);
  }
}
