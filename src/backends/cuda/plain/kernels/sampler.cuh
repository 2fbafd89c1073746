// Grids of points in units of the image, -1 to 1, and images sampled along them. A thread an element of the result.

struct GridGeometry {
  i64 batch, height, width;
  double step_y, step_x;  // from pixel to pixel, in those units
  int is_affine;
};

__device__ inline A unit(i64 i, double step) { return static_cast<A>(-1.0 + static_cast<double>(i) * step); }

// The point that the map `theta` (2 x 3) takes (y, x) to: axis 0 is x, axis 1 is y.
__device__ inline A affine(const T* theta, int axis, A y, A x) {
  const T* row = theta + 3 * axis;
  return load(row[0]) * x + load(row[1]) * y + load(row[2]);
}

extern "C" __global__ void grid_of_map(const GridGeometry g, T* dst, const T* theta) {
  for (i64 i = first_item(); i < g.batch * 2 * g.height * g.width; i += grid_items()) {
    const i64 x = i % g.width, y = i / g.width % g.height, plane = i / g.width / g.height;
    const int axis = static_cast<int>(plane % 2);
    dst[i] = convert<T>(affine(theta + plane / 2 * 6, axis, unit(y, g.step_y), unit(x, g.step_x)));
  }
}

// An optical flow in pixels.
extern "C" __global__ void grid_of_flow(const GridGeometry g, T* dst, const T* flow) {
  for (i64 i = first_item(); i < g.batch * 2 * g.height * g.width; i += grid_items()) {
    const bool is_x = i / g.width / g.height % 2 == 0;
    const A pixel = load(flow[i]) + static_cast<A>(is_x ? i % g.width : i / g.width % g.height);
    dst[i] = convert<T>(pixel / ((static_cast<A>(is_x ? g.width : g.height) - 1) / 2) - 1);
  }
}

// The points that a map or a flow moves: rows of x, of y and, for a map, of ones.
extern "C" __global__ void grid_unmoved(const GridGeometry g, T* dst) {
  for (i64 i = first_item(); i < (g.is_affine ? 3 : 2) * g.height * g.width; i += grid_items()) {
    const i64 x = i % g.width, y = i / g.width % g.height, row = i / g.width / g.height;
    const A pixel = static_cast<A>(row == 0 ? x : y);
    const A in_units = row == 2 ? A(1) : row == 0 ? unit(x, g.step_x) : unit(y, g.step_y);
    dst[i] = convert<T>(g.is_affine ? in_units : pixel);
  }
}

struct SamplerGeometry {
  i64 batch, channels, height, width, dst_height, dst_width;
  double step_y, step_x;  // of the result, in units of the image
};

__device__ inline T sample(const SamplerGeometry& g, const T* src, i64 plane, A y, A x) {
  const Plane pixels = {src + plane * g.height * g.width, g.height, g.width};
  return convert<T>(bilinear_or_zero(pixels, (y + 1) * static_cast<A>(g.height - 1) / 2,
                                     (x + 1) * static_cast<A>(g.width - 1) / 2));
}

extern "C" __global__ void bilinear_sampler(const SamplerGeometry g, T* dst, const T* src, const T* grid) {
  const i64 pixels = g.dst_height * g.dst_width;
  for (i64 i = first_item(); i < g.batch * g.channels * pixels; i += grid_items()) {
    const i64 plane = i / pixels;
    const T* point = grid + plane / g.channels * 2 * pixels + i % pixels;
    dst[i] = sample(g, src, plane, load(point[pixels]), load(point[0]));
  }
}

extern "C" __global__ void spatial_transformer(const SamplerGeometry g, T* dst, const T* src, const T* thetas) {
  for (i64 i = first_item(); i < g.batch * g.channels * g.dst_height * g.dst_width; i += grid_items()) {
    const i64 plane = i / g.dst_width / g.dst_height;
    const T* theta = thetas + plane / g.channels * 6;
    const A y = unit(i / g.dst_width % g.dst_height, g.step_y), x = unit(i % g.dst_width, g.step_x);
    dst[i] = sample(g, src, plane, affine(theta, 1, y, x), affine(theta, 0, y, x));
  }
}
