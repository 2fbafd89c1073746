// Along one axis: an element chosen by an index, running sums. Line l begins at l / inner * size * inner + l % inner.
// P is the type of indices, D that of the result, S what is summed in.

__device__ inline i64 first_item() { return blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; }
__device__ inline i64 grid_items() { return static_cast<i64>(gridDim.x) * blockDim.x; }

// An index outside is limited to the line or wraps around.
extern "C" __global__ void pick(i64 lines, i64 size, i64 inner, int wraps, T* dst, const T* src, const P* index) {
  for (i64 line = first_item(); line < lines; line += grid_items()) {
    i64 at = convert<i64>(load(index[line]));
    if (wraps) {
      at %= size;
      if (at < 0) at += size;
    } else {
      at = at < 0 ? 0 : at >= size ? size - 1 : at;
    }
    dst[line] = src[(line / inner * size + at) * inner + line % inner];
  }
}

// A thread a line, for the sums are in the reference's order.
extern "C" __global__ void running_sum(i64 lines, i64 size, i64 inner, D* dst, const T* src) {
  for (i64 line = first_item(); line < lines; line += grid_items()) {
    const i64 first = line / inner * size * inner + line % inner;
    S sum = 0;
    for (i64 i = 0; i < size; ++i) {
      sum += convert<S>(load(src[first + i * inner]));
      dst[first + i * inner] = convert<D>(sum);
    }
  }
}
