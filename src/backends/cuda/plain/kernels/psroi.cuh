// Position-sensitive pooling: every bin of a region reads a channel of its own. A thread a bin and output channel.

struct Regions {
  i64 batch, channels, height, width, rois, pooled_height, pooled_width;
  float scale;
};

struct PsroiGeometry {
  Regions r;
  i64 groups, outputs;  // along one axis; channels of the result
};

// Learnt shifts of the bins: (R, 2 · classes, parts, parts), x before y.
struct ShiftGeometry {
  i64 classes, parts, samples;
  float deviation;
};

// A region on the map, its corners rounded to pixels before scaling.
struct Region {
  i64 image;
  A top, left, height, width;
};

__device__ inline Region region_of(const T* roi, float scale, A shift) {
  const auto corner = [&](int i, A more) { return product(round(A(load(roi[i]))) + more, A(scale)) - shift; };
  const A left = corner(1, A(0)), top = corner(2, A(0)), width = corner(3, A(1)) - left, height = corner(4, A(1)) - top;
  const A least = A(0.1);
  return {to_index(load(roi[0])), top, left, height < least ? least : height, width < least ? least : width};
}

struct Bin {
  Region region;
  i64 roi, channel, y, x;
};

__device__ inline Bin bin_of(const PsroiGeometry& g, i64 i, const T* rois, A shift) {
  const i64 plane = i / g.r.pooled_width / g.r.pooled_height, roi = plane / g.outputs;
  return {region_of(rois + roi * 5, g.r.scale, shift), roi, plane % g.outputs, i / g.r.pooled_width % g.r.pooled_height,
          i % g.r.pooled_width};
}

// Refuses a region of an image that is not there.
__device__ inline bool has_image(const PsroiGeometry& g, const Bin& bin, Refusal* refusal) {
  if (bin.region.image >= 0 && bin.region.image < g.r.batch) return true;
  refuse(refusal, bin.roi, bin.region.image);
  return false;
}

__device__ inline Plane plane_of(const PsroiGeometry& g, const Bin& bin, const T* data) {
  const auto group = [&](i64 i, i64 bins) { return clamped(i * g.groups / bins, 0, g.groups - 1); };
  const i64 row = group(bin.y, g.r.pooled_height), column = group(bin.x, g.r.pooled_width);
  const i64 channel = (bin.channel * g.groups + row) * g.groups + column;
  return {data + (bin.region.image * g.r.channels + channel) * g.r.height * g.r.width, g.r.height, g.r.width};
}

__device__ inline A mean_of_bin(const PsroiGeometry& g, const Bin& bin, const Plane& plane) {
  const A height = bin.region.height / static_cast<A>(g.r.pooled_height);
  const A width = bin.region.width / static_cast<A>(g.r.pooled_width);
  const auto place = [](i64 i, A size, A begin) { return product(static_cast<A>(i), size) + begin; };
  const i64 top = clamped(to_index(floor(place(bin.y, height, bin.region.top))), 0, g.r.height);
  const i64 bottom = clamped(to_index(ceil(place(bin.y + 1, height, bin.region.top))), 0, g.r.height);
  const i64 left = clamped(to_index(floor(place(bin.x, width, bin.region.left))), 0, g.r.width);
  const i64 right = clamped(to_index(ceil(place(bin.x + 1, width, bin.region.left))), 0, g.r.width);
  if (top >= bottom || left >= right) return 0;
  A sum = 0;
  for (i64 y = top; y < bottom; ++y) {
    for (i64 x = left; x < right; ++x) sum += at(plane, y, x);
  }
  return sum / static_cast<A>((bottom - top) * (right - left));
}

extern "C" __global__ void psroi_pooling(const PsroiGeometry g, T* dst, const T* data, const T* rois, Refusal* refusal) {
  for (i64 i = first_item(); i < g.r.rois * g.outputs * g.r.pooled_height * g.r.pooled_width; i += grid_items()) {
    const Bin bin = bin_of(g, i, rois, 0);
    if (has_image(g, bin, refusal)) dst[i] = convert<T>(mean_of_bin(g, bin, plane_of(g, bin, data)));
  }
}

// How far the bin is moved along an axis, in sizes of its region.
__device__ inline A shift_of(const PsroiGeometry& g, const ShiftGeometry& s, const Bin& bin, int axis, const T* shifts) {
  if (shifts == nullptr) return 0;
  const i64 row = bin.y * s.parts / g.r.pooled_height, column = bin.x * s.parts / g.r.pooled_width;
  const i64 plane = (bin.roi * s.classes + bin.channel / (g.outputs / s.classes)) * 2 + axis;
  return A(load(shifts[(plane * s.parts + row) * s.parts + column])) * s.deviation;
}

// The mean of the samples that fall on the map.
__device__ inline A mean_of_samples(const PsroiGeometry& g, const ShiftGeometry& s, const Bin& bin, const Plane& plane,
                                    const T* shifts) {
  const A height = bin.region.height / static_cast<A>(g.r.pooled_height);
  const A width = bin.region.width / static_cast<A>(g.r.pooled_width);
  const A left = product(static_cast<A>(bin.x), width) + bin.region.left +
                 product(shift_of(g, s, bin, 0, shifts), bin.region.width);
  const A top = product(static_cast<A>(bin.y), height) + bin.region.top +
                product(shift_of(g, s, bin, 1, shifts), bin.region.height);
  const A half = A(0.5), bottom_edge = static_cast<A>(g.r.height) - half, right_edge = static_cast<A>(g.r.width) - half;
  A sum = 0;
  i64 count = 0;
  for (i64 i = 0; i < s.samples; ++i) {
    for (i64 j = 0; j < s.samples; ++j) {
      const A y = top + product(static_cast<A>(i), height / static_cast<A>(s.samples));
      const A x = left + product(static_cast<A>(j), width / static_cast<A>(s.samples));
      if (!(x >= -half && x <= right_edge && y >= -half && y <= bottom_edge)) continue;
      sum += bilinear_clamped(plane, y, x);
      ++count;
    }
  }
  return count == 0 ? A(0) : sum / static_cast<A>(count);
}

extern "C" __global__ void deformable_psroi_pooling(const PsroiGeometry g, const ShiftGeometry s, T* dst, const T* data,
                                                    const T* rois, const T* shifts, Refusal* refusal) {
  for (i64 i = first_item(); i < g.r.rois * g.outputs * g.r.pooled_height * g.r.pooled_width; i += grid_items()) {
    const Bin bin = bin_of(g, i, rois, A(0.5));
    if (!has_image(g, bin, refusal)) continue;
    dst[i] = convert<T>(mean_of_samples(g, s, bin, plane_of(g, bin, data), shifts));
  }
}
