// Running sums along one axis. Line l begins at l / inner * size * inner + l % inner. D is the type of the result, S what
// is summed in.

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
