// Deformable convolution: what every tap reads is gathered in columns, [image][channel][tap][pixel], which the weights
// are then multiplied with.

struct Pair {
  i64 y, x;
};

struct DeformableParameters {
  Pair kernel, stride, dilate, pad;
  i64 filters, groups, deformable_groups;
  bool bias, modulated;
};

// One turn: as many images as the workspace holds the columns of.
struct DeformableGeometry {
  DeformableParameters p;
  i64 first, images;
  i64 channels, height, width, dst_height, dst_width;
};

__device__ inline A tap_value(const DeformableGeometry& g, const Plane& plane, A row, A column) {
  const A height = static_cast<A>(g.height), width = static_cast<A>(g.width);
  // The plain form clamps at the last pixel and drops what lies before the first; the modulated one fades to zero.
  if (!g.p.modulated) {
    return row >= 0 && column >= 0 && row < height && column < width ? bilinear_clamped(plane, row, column) : A(0);
  }
  return row > -1 && column > -1 && row < height && column < width ? bilinear_or_zero(plane, row, column) : A(0);
}

// Offsets are (N, groups, tap, 2, y, x), y before x; masks (N, groups, tap, y, x).
extern "C" __global__ void deformable_columns(const DeformableGeometry g, A* columns, const T* src, const T* offsets,
                                              const T* masks) {
  const i64 taps = g.p.kernel.y * g.p.kernel.x, pixels = g.dst_height * g.dst_width;
  for (i64 i = first_item(); i < g.images * g.channels * taps * pixels; i += grid_items()) {
    const i64 pixel = i % pixels, tap = i / pixels % taps, plane = i / pixels / taps + g.first * g.channels;
    const i64 channel = plane % g.channels, n = plane / g.channels;
    const i64 group = n * g.p.deformable_groups + channel * g.p.deformable_groups / g.channels;
    const i64 moved = group * taps + tap;
    const T* offset = offsets + moved * 2 * pixels + pixel;
    const i64 y = pixel / g.dst_width * g.p.stride.y - g.p.pad.y + tap / g.p.kernel.x * g.p.dilate.y;
    const i64 x = pixel % g.dst_width * g.p.stride.x - g.p.pad.x + tap % g.p.kernel.x * g.p.dilate.x;
    const A value = tap_value(g, {src + plane * g.height * g.width, g.height, g.width},
                              static_cast<A>(y) + load(offset[0]), static_cast<A>(x) + load(offset[pixels]));
    columns[i] = g.p.modulated ? product(value, load(masks[moved * pixels + pixel])) : value;
  }
}

// dst[n][filter][pixel] = bias[filter] + weight[filter] . columns[n][group of the filter][][pixel], in tiles of 16 x 16
// through shared memory, the terms in their order.
extern "C" __global__ void deformable_product(const DeformableGeometry g, T* dst, const A* columns, const T* weight,
                                              const T* bias) {
  __shared__ A left[16][17], right[16][17];
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  const i64 rows = g.p.filters / g.p.groups, pixels = g.dst_height * g.dst_width;
  const i64 inner = g.channels / g.p.groups * g.p.kernel.y * g.p.kernel.x;
  const i64 row_tiles = (rows + 15) / 16, pixel_tiles = (pixels + 15) / 16;
  for (i64 tile = blockIdx.x; tile < g.images * g.p.groups * row_tiles * pixel_tiles; tile += gridDim.x) {
    const i64 part = tile / pixel_tiles / row_tiles;  // of one image and group
    const i64 row = tile / pixel_tiles % row_tiles * 16 + y, pixel = tile % pixel_tiles * 16 + x;
    const i64 filter = part % g.p.groups * rows + row;
    const A* column = columns + part * inner * pixels + pixel;
    A sum = row < rows && g.p.bias ? A(load(bias[filter])) : A(0);
    for (i64 k = 0; k < inner; k += 16) {
      left[y][x] = row < rows && k + x < inner ? A(load(weight[filter * inner + k + x])) : A(0);
      right[y][x] = pixel < pixels && k + y < inner ? column[(k + y) * pixels] : A(0);
      __syncthreads();
      for (int i = 0; i < 16; ++i) sum += left[y][i] * right[i][x];
      __syncthreads();
    }
    const i64 n = g.first + part / g.p.groups;
    if (row < rows && pixel < pixels) dst[(n * g.p.filters + filter) * pixels + pixel] = convert<T>(sum);
  }
}
