// ROIAlign and its rotated form: the mean of bilinear samples over each bin of a region.

struct RegionGeometry {
  i64 batch, channels, height, width, rois, pooled_height, pooled_width;
  float scale;
};
struct AlignGeometry {
  RegionGeometry regions;
  i64 dst_channels, samples, most_samples;
  int rotated, aligned, position_sensitive;
};

// What a refusal is about.
enum { kImage, kSize, kHeight, kWidth };

// A box on the map whose samples are turned by an angle about a centre.
struct Region {
  i64 image;
  A top, left, height, width;  // of the box, before turning
  A centre_y, centre_x;        // added after turning
  A cosine, sine;
};

__device__ inline i64 image_of(A value) {
  constexpr i64 far = 1ll << 40;
  return fabs(value) < static_cast<A>(far) ? static_cast<i64>(value) : value > 0 ? far : -far;
}

// A product that is rounded before anything is added, as the reference's: sizes decide how many samples are taken.
__device__ inline float times(float a, float b) { return __fmul_rn(a, b); }
__device__ inline double times(double a, double b) { return __dmul_rn(a, b); }

// (image, x1, y1, x2, y2).
__device__ inline Region upright_region(const AlignGeometry& g, const T* src) {
  const A scale = g.regions.scale, shift = g.aligned ? A(0.5) : A(0);
  const A left = times(load(src[1]), scale) - shift, top = times(load(src[2]), scale) - shift;
  const A right = times(load(src[3]), scale) - shift, bottom = times(load(src[4]), scale) - shift;
  const A least = g.aligned ? -INFINITY_F : A(1);
  const A height = bottom - top, width = right - left;
  return {image_of(load(src[0])), top, left, height < least ? least : height, width < least ? least : width, 0, 0, 1, 0};
}

// (image, centre x, centre y, width, height, degrees).
__device__ inline Region rotated_region(const AlignGeometry& g, const T* src) {
  const A scale = g.regions.scale, width = load(src[3]) * scale, height = load(src[4]) * scale;
  const A high = height < 1 ? A(1) : height, wide = width < 1 ? A(1) : width;
  const A angle = static_cast<A>(load(src[5]) * 3.141592653589793 / 180);
  return {image_of(load(src[0])), -high / 2,  -wide / 2, high, wide, load(src[2]) * scale, load(src[1]) * scale,
          cos(angle),             sin(angle)};
}

// Samples along one axis of a bin; 0 where there would be too many, or none.
__device__ inline i64 samples_of(const AlignGeometry& g, A size, i64 bins) {
  if (g.samples > 0) return g.samples;
  const i64 count = image_of(ceil(size / static_cast<A>(bins)));
  return count < 1 || count > g.most_samples ? 0 : count;
}

// The value at (y, x), pulled inside; nothing farther than a pixel outside.
__device__ inline A sample(const RegionGeometry& g, const T* plane, A y, A x) {
  const A height = static_cast<A>(g.height), width = static_cast<A>(g.width);
  if (!(y >= -1 && y <= height && x >= -1 && x <= width)) return 0;
  y = y < 0 ? A(0) : y > height - 1 ? height - 1 : y;
  x = x < 0 ? A(0) : x > width - 1 ? width - 1 : x;
  const i64 top = static_cast<i64>(y), left = static_cast<i64>(x);
  const i64 bottom = top + 1 < g.height ? top + 1 : g.height - 1, right = left + 1 < g.width ? left + 1 : g.width - 1;
  const A dy = y - static_cast<A>(top), dx = x - static_cast<A>(left);
  return load(plane[top * g.width + left]) * (1 - dy) * (1 - dx) + load(plane[top * g.width + right]) * (1 - dy) * dx +
         load(plane[bottom * g.width + left]) * dy * (1 - dx) + load(plane[bottom * g.width + right]) * dy * dx;
}

__device__ inline A mean_of(const RegionGeometry& g, const T* plane, const Region& region, i64 bin, i64 rows,
                            i64 columns) {
  const A bin_height = region.height / static_cast<A>(g.pooled_height);
  const A bin_width = region.width / static_cast<A>(g.pooled_width);
  const A top = region.top + static_cast<A>(bin / g.pooled_width) * bin_height;
  const A left = region.left + static_cast<A>(bin % g.pooled_width) * bin_width;
  A sum = 0;
  for (i64 i = 0; i < rows; ++i) {
    const A y = top + (static_cast<A>(i) + A(0.5)) * bin_height / static_cast<A>(rows);
    for (i64 j = 0; j < columns; ++j) {
      const A x = left + (static_cast<A>(j) + A(0.5)) * bin_width / static_cast<A>(columns);
      sum += sample(g, plane, y * region.cosine - x * region.sine + region.centre_y,
                    x * region.cosine + y * region.sine + region.centre_x);
    }
  }
  return sum / static_cast<A>(rows * columns);
}

extern "C" __global__ void roi_align(const AlignGeometry g, T* dst, const T* data, const T* rois, Refusal* refusal) {
  const RegionGeometry& r = g.regions;
  const i64 bins = r.pooled_height * r.pooled_width;
  for (i64 i = first_item(); i < r.rois * g.dst_channels * bins; i += grid_items()) {
    const i64 roi = i / bins / g.dst_channels, bin = i % bins;
    const Region region =
        g.rotated ? rotated_region(g, rois + roi * 6) : upright_region(g, rois + roi * 5);
    if (region.image < 0) {
      dst[i] = convert<T>(A(0));
      continue;
    }
    const i64 rows = samples_of(g, region.height, r.pooled_height);
    const i64 columns = samples_of(g, region.width, r.pooled_width);
    if (g.aligned && !(region.height > 0 && region.width > 0)) {
      refuse(refusal, roi, kSize, 0, 0, region.width, region.height);
    } else if (region.image >= r.batch) {
      refuse(refusal, roi, kImage, region.image);
    } else if (rows == 0) {
      refuse(refusal, roi, kHeight, 0, 0, region.height);
    } else if (columns == 0) {
      refuse(refusal, roi, kWidth, 0, 0, region.width);
    } else {
      const i64 channel = g.position_sensitive ? i % (g.dst_channels * bins) : i / bins % g.dst_channels;
      const T* plane = data + (region.image * r.channels + channel) * r.height * r.width;
      dst[i] = convert<T>(mean_of(r, plane, region, bin, rows, columns));
    }
  }
}
