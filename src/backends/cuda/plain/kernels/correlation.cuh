// Patches of one feature map against displaced patches of another. A thread an element of the result.

struct CorrelationGeometry {
  i64 kernel, displacement, stride1, stride2, pad;
  bool multiply;
  i64 radius, grid;  // displacements to each side, and in all, along one axis
};

struct CorrelationShape {
  i64 batch, channels, height, width, dst_height, dst_width;
};

extern "C" __global__ void correlation(const CorrelationGeometry g, const CorrelationShape s, T* dst, const T* lhs,
                                       const T* rhs) {
  const i64 pixels = s.height * s.width;
  const auto holds = [&](i64 row, i64 column) { return row >= 0 && row < s.height && column >= 0 && column < s.width; };
  for (i64 i = first_item(); i < s.batch * g.grid * g.grid * s.dst_height * s.dst_width; i += grid_items()) {
    const i64 x = i % s.dst_width, y = i / s.dst_width % s.dst_height, plane = i / s.dst_width / s.dst_height;
    const i64 shift = plane % (g.grid * g.grid), first = plane / (g.grid * g.grid) * s.channels * pixels;
    const i64 dx = (shift % g.grid - g.radius) * g.stride2, dy = (shift / g.grid - g.radius) * g.stride2;
    const i64 left = x * g.stride1 + g.displacement - g.pad, top = y * g.stride1 + g.displacement - g.pad;
    A sum = 0;
    for (i64 row = top; row < top + g.kernel; ++row) {
      for (i64 column = left; column < left + g.kernel; ++column) {
        const bool in_lhs = holds(row, column), in_rhs = holds(row + dy, column + dx);
        if (!in_lhs && !in_rhs) continue;
        const i64 a_at = first + row * s.width + column, b_at = first + (row + dy) * s.width + column + dx;
        for (i64 channel = 0; channel < s.channels; ++channel) {
          const A a = in_lhs ? load(lhs[a_at + channel * pixels]) : A(0);
          const A b = in_rhs ? load(rhs[b_at + channel * pixels]) : A(0);
          sum += g.multiply ? a * b : fabs(a - b);
        }
      }
    }
    dst[i] = convert<T>(sum / static_cast<A>(g.kernel * g.kernel * s.channels));
  }
}
