// Images: resampling of planes (N, C, H, W) and of pixels (N, H, W, C), and what Gluon's transforms export. A thread an
// element of the result.

__device__ inline i64 clamped(i64 x, i64 last) { return x < 0 ? 0 : x > last ? last : x; }

struct PlaneGeometry {
  i64 planes, height, width, dst_height, dst_width;
  int align_corners;
  float scale_y, scale_x;
};

__device__ inline float position(const PlaneGeometry& g, float scale, i64 i) {
  if (g.align_corners) return scale * static_cast<float>(i);
  const float at = static_cast<float>(static_cast<double>(scale) * (static_cast<double>(i) + 0.5) - 0.5);
  return at > 0 ? at : 0;
}

extern "C" __global__ void bilinear_resize(const PlaneGeometry g, T* dst, const T* src) {
  for (i64 i = first_item(); i < g.planes * g.dst_height * g.dst_width; i += grid_items()) {
    const T* plane = src + i / g.dst_width / g.dst_height * g.height * g.width;
    A y = position(g, g.scale_y, i / g.dst_width % g.dst_height), x = position(g, g.scale_x, i % g.dst_width);
    y = y > g.height - 1 ? A(g.height - 1) : y;
    x = x > g.width - 1 ? A(g.width - 1) : x;
    const i64 top = static_cast<i64>(y), left = static_cast<i64>(x);
    const i64 bottom = clamped(top + 1, g.height - 1), right = clamped(left + 1, g.width - 1);
    const A dy = y - static_cast<A>(top), dx = x - static_cast<A>(left);
    const auto at = [&](i64 row, i64 column) { return A(load(plane[row * g.width + column])); };
    dst[i] = convert<T>(at(top, left) * (1 - dy) * (1 - dx) + at(top, right) * (1 - dy) * dx +
                        at(bottom, left) * dy * (1 - dx) + at(bottom, right) * dy * dx);
  }
}

extern "C" __global__ void adaptive_pool(const PlaneGeometry g, T* dst, const T* src) {
  for (i64 i = first_item(); i < g.planes * g.dst_height * g.dst_width; i += grid_items()) {
    const T* plane = src + i / g.dst_width / g.dst_height * g.height * g.width;
    const i64 y = i / g.dst_width % g.dst_height, x = i % g.dst_width;
    const i64 first_row = y * g.height / g.dst_height, last_row = ((y + 1) * g.height + g.dst_height - 1) / g.dst_height;
    const i64 first_column = x * g.width / g.dst_width, last_column = ((x + 1) * g.width + g.dst_width - 1) / g.dst_width;
    A sum = 0;
    for (i64 row = first_row; row < last_row; ++row) {
      for (i64 column = first_column; column < last_column; ++column) sum += A(load(plane[row * g.width + column]));
    }
    dst[i] = convert<T>(sum / static_cast<A>((last_row - first_row) * (last_column - first_column)));
  }
}

// Pixels repeated to the size of the result, written to some of its channels, or added to them.
struct RepeatGeometry {
  i64 batch, channels, height, width;
  i64 dst_channels, dst_height, dst_width, first_channel;
  int adds;
};

extern "C" __global__ void repeat_nearest(const RepeatGeometry g, T* dst, const T* src) {
  const i64 rows = g.dst_height / g.height, columns = g.dst_width / g.width;
  for (i64 i = first_item(); i < g.batch * g.channels * g.dst_height * g.dst_width; i += grid_items()) {
    const i64 x = i % g.dst_width, y = i / g.dst_width % g.dst_height, plane = i / g.dst_width / g.dst_height;
    const T value = src[(plane * g.height + y / rows) * g.width + x / columns];
    const i64 channel = g.first_channel + plane % g.channels;
    T& result = dst[((plane / g.channels * g.dst_channels + channel) * g.dst_height + y) * g.dst_width + x];
    result = g.adds ? convert<T>(load(result) + load(value)) : value;
  }
}

struct PixelGeometry {
  i64 images, height, width, channels, dst_height, dst_width;
  i64 top, left;        // of the place that the first pixel comes from
  int step_y, step_x;   // 1, or -1 for what is mirrored
  int bilinear;
};

extern "C" __global__ void image_place(const PixelGeometry g, T* dst, const T* src) {
  for (i64 i = first_item(); i < g.images * g.dst_height * g.dst_width * g.channels; i += grid_items()) {
    const i64 c = i % g.channels, x = i / g.channels % g.dst_width, y = i / g.channels / g.dst_width % g.dst_height;
    const i64 n = i / g.channels / g.dst_width / g.dst_height;
    dst[i] = src[((n * g.height + g.top + g.step_y * y) * g.width + g.left + g.step_x * x) * g.channels + c];
  }
}

extern "C" __global__ void image_to_tensor(const PixelGeometry g, float* dst, const T* src) {
  for (i64 i = first_item(); i < g.images * g.channels * g.height * g.width; i += grid_items()) {
    const i64 pixel = i % (g.height * g.width), c = i / (g.height * g.width) % g.channels;
    const i64 n = i / (g.height * g.width) / g.channels;
    dst[i] = static_cast<float>(load(src[(n * g.height * g.width + pixel) * g.channels + c])) / 255.0f;
  }
}

// The pixels that one of the result lies between, and the weight of the second.
struct Taps {
  i64 first, second;
  float weight;
};

__device__ inline Taps taps_of(i64 i, i64 src, i64 dst, int bilinear) {
  const double scale = static_cast<double>(src) / static_cast<double>(dst);
  const float at = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
  const i64 first = static_cast<i64>(floor(bilinear ? static_cast<double>(at) : static_cast<double>(i) * scale));
  const i64 inside = clamped(first, src - 1);
  const bool between = bilinear && first >= 0 && first < src - 1;
  return {inside, clamped(inside + 1, src - 1), between ? at - static_cast<float>(first) : 0.0f};
}

// Integers go to the nearest.
template <class N> __device__ inline N narrowed(R x, N) { return convert<N>(x); }
__device__ inline u8 narrowed(R x, u8) { return convert<u8>(rint(x)); }

extern "C" __global__ void image_resize(const PixelGeometry g, T* dst, const T* src) {
  for (i64 i = first_item(); i < g.images * g.dst_height * g.dst_width * g.channels; i += grid_items()) {
    const i64 c = i % g.channels, n = i / g.channels / g.dst_width / g.dst_height;
    const Taps x = taps_of(i / g.channels % g.dst_width, g.width, g.dst_width, g.bilinear);
    const Taps y = taps_of(i / g.channels / g.dst_width % g.dst_height, g.height, g.dst_height, g.bilinear);
    const auto at = [&](i64 row, i64 column) {
      return static_cast<R>(load(src[((n * g.height + row) * g.width + column) * g.channels + c]));
    };
    const R above = at(y.first, x.first) * (1 - x.weight) + at(y.first, x.second) * x.weight;
    const R below = at(y.second, x.first) * (1 - x.weight) + at(y.second, x.second) * x.weight;
    dst[i] = narrowed(above * (1 - y.weight) + below * y.weight, T());
  }
}

struct NormalizeGeometry {
  i64 count, plane;
  int channels;
  float mean[MOST_CHANNELS], deviation[MOST_CHANNELS];
};

extern "C" __global__ void image_normalize(const NormalizeGeometry g, T* dst, const T* src) {
  for (i64 i = first_item(); i < g.count; i += grid_items()) {
    const i64 c = i / g.plane % g.channels;
    dst[i] = convert<T>((load(src[i]) - g.mean[c]) / g.deviation[c]);
  }
}
