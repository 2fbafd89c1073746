// Quantized operators that do what a real one does, on the integers: sums are exact. T is the type of the data.

// The larger end of a range.
__device__ inline float magnitude(const float* range_low, const float* range_high) {
  return fabs(*range_low) > fabs(*range_high) ? fabs(*range_low) : fabs(*range_high);
}

// The ends of the ranges of data, weight and, where there is one, bias.
struct ProductRanges {
  const float *data_low, *data_high, *weight_low, *weight_high, *bias_low, *bias_high;
};

// 32 bits of a product: the largest integer stands for as many units of data times weight.
__device__ inline void put_product_range(const ProductRanges& ranges, float data_levels, float* dst_low,
                                         float* dst_high) {
  if (first_item() != 0) return;
  const float unit = magnitude(ranges.data_low, ranges.data_high) / data_levels *
                     (magnitude(ranges.weight_low, ranges.weight_high) / 127.0f);
  const float end = unit * 2147483647.0f;
  if (dst_low != nullptr) *dst_low = -end;
  if (dst_high != nullptr) *dst_high = end;
}

struct ConvolutionGeometry {
  i64 batch, groups, src_channels, dst_channels;
  i64 src[3], dst[3], kernel[3], stride[3], dilate[3], pad[3];
  float data_levels;
};

extern "C" __global__ void quantized_convolution(const ConvolutionGeometry g, int* dst, float* dst_low, float* dst_high,
                                                 const T* data, const i8* weight, const i8* bias,
                                                 const ProductRanges ranges) {
  const i64 positions = g.dst[0] * g.dst[1] * g.dst[2], plane = g.src[0] * g.src[1] * g.src[2];
  const i64 taps = g.kernel[0] * g.kernel[1] * g.kernel[2], channels = g.src_channels / g.groups;
  for (i64 i = first_item(); i < g.batch * g.dst_channels * positions; i += grid_items()) {
    const i64 f = i / positions % g.dst_channels, n = i / positions / g.dst_channels;
    const i64 first = f / (g.dst_channels / g.groups) * channels;
    const T* image = data + (n * g.src_channels + first) * plane;
    const i8* filter = weight + f * channels * taps;
    i64 sum = bias != nullptr ? bias[f] : 0;
    for (i64 tap = 0; tap < taps; ++tap) {
      const i64 x = i % g.dst[2] * g.stride[2] - g.pad[2] + tap % g.kernel[2] * g.dilate[2];
      const i64 y = i / g.dst[2] % g.dst[1] * g.stride[1] - g.pad[1] + tap / g.kernel[2] % g.kernel[1] * g.dilate[1];
      const i64 z = i / g.dst[2] / g.dst[1] % g.dst[0] * g.stride[0] - g.pad[0] +
                    tap / g.kernel[2] / g.kernel[1] * g.dilate[0];
      if (x < 0 || x >= g.src[2] || y < 0 || y >= g.src[1] || z < 0 || z >= g.src[0]) continue;
      const T* pixel = image + (z * g.src[1] + y) * g.src[2] + x;
      for (i64 c = 0; c < channels; ++c) sum += static_cast<int>(pixel[c * plane]) * filter[c * taps + tap];
    }
    dst[i] = static_cast<int>(sum);
  }
  put_product_range(ranges, g.data_levels, dst_low, dst_high);
}

struct DenseGeometry {
  i64 rows, hidden, inputs;
  float data_levels, data_half_levels;
};

// The bias is brought to the unit of the products, towards zero.
extern "C" __global__ void quantized_dense(const DenseGeometry g, int* dst, float* dst_low, float* dst_high,
                                           const T* data, const i8* weight, const i8* bias,
                                           const ProductRanges ranges) {
  const float scale = bias == nullptr ? 0.0f
                                      : g.data_half_levels / magnitude(ranges.data_low, ranges.data_high) *
                                            (127.5f / magnitude(ranges.weight_low, ranges.weight_high)) *
                                            magnitude(ranges.bias_low, ranges.bias_high) / 127.5f;
  for (i64 i = first_item(); i < g.rows * g.hidden; i += grid_items()) {
    const T* row = data + i / g.hidden * g.inputs;
    const i8* filter = weight + i % g.hidden * g.inputs;
    i64 sum = 0;
    for (i64 k = 0; k < g.inputs; ++k) sum += static_cast<int>(row[k]) * filter[k];
    const double added = bias == nullptr ? 0 : trunc(static_cast<float>(bias[i % g.hidden]) * scale);
    dst[i] = static_cast<int>(convert<i64>(rint(static_cast<double>(sum) + added)));
  }
  put_product_range(ranges, g.data_levels, dst_low, dst_high);
}

// The range of each operand of a concatenation, its ends one behind the other.
struct JoinedRanges {
  int count, is_unsigned;
  const float* end[2 * MOST_JOINED];
};

// One thread: the widest of all ranges, which the result has, and what each operand is multiplied by.
extern "C" __global__ void widest_range(const JoinedRanges ranges, float* scale, float* dst_low, float* dst_high) {
  float low = 0, high = 0, widest = 0;
  for (int k = 0; k < ranges.count; ++k) {
    const float end = magnitude(ranges.end[2 * k], ranges.end[2 * k + 1]);
    widest = end > widest ? end : widest;
    low = *ranges.end[2 * k] < low ? *ranges.end[2 * k] : low;
    high = *ranges.end[2 * k + 1] > high ? *ranges.end[2 * k + 1] : high;
  }
  for (int k = 0; k < ranges.count; ++k) {
    scale[k] = widest == 0 ? 1.0f : magnitude(ranges.end[2 * k], ranges.end[2 * k + 1]) / widest;
  }
  const float end = magnitude(&low, &high);
  if (dst_low != nullptr) *dst_low = ranges.is_unsigned ? low : -end;
  if (dst_high != nullptr) *dst_high = ranges.is_unsigned ? high : end;
}

struct PartGeometry {
  i64 outer, size, dst_size, dst_first;  // elements of the operand and of the result behind the axes before the joined
};

extern "C" __global__ void quantized_concat(const PartGeometry g, T* dst, const T* src, const float* scale) {
  for (i64 i = first_item(); i < g.outer * g.size; i += grid_items()) {
    const double value = static_cast<double>(load(src[i])) * static_cast<double>(*scale);
    dst[i / g.size * g.dst_size + g.dst_first + i % g.size] = static_cast<T>(static_cast<i64>(rint(value)));
  }
}
