// Element-wise operators of quantized tensors, in the steps of the reference: what is rounded to an integer is no
// contracted sum. T and R are the types of the operands, D that of the result.

// The larger end of a range.
__device__ inline float magnitude(float low, float high) { return fabs(low) > fabs(high) ? fabs(low) : fabs(high); }

// To the nearest, halves to even, limited to the type of the result; NaN to 0.
__device__ inline i64 saturated(float x, double least, double greatest) {
  const double value = rint(static_cast<double>(x));
  return static_cast<i64>(x != x ? 0 : value < least ? least : value > greatest ? greatest : value);
}

__device__ inline void put_range(float* dst_low, float* dst_high, float low, float high) {
  if (first_item() != 0) return;
  if (dst_low != nullptr) *dst_low = low;
  if (dst_high != nullptr) *dst_high = high;
}

// The two ends of the range of each operand.
struct PairRanges {
  const float *left_low, *left_high, *right_low, *right_high;
};
struct PairGeometry {
  i64 count;
  int calibrated, gives_floats;
  float low, high;                                         // the calibrated range
  float left_half_levels, right_half_levels, half_levels;  // from zero to the end of a range, as oneDNN counts them
  float left_levels, right_levels;                         // as the definition does
  double least, greatest;                                  // of the type of the result
};

extern "C" __global__ void quantized_add(const PairGeometry g, D* dst, float* dst_low, float* dst_high, const T* left,
                                         const R* right, const PairRanges ranges) {
  const float left_end = magnitude(*ranges.left_low, *ranges.left_high);
  const float right_end = magnitude(*ranges.right_low, *ranges.right_high);
  const float end = g.calibrated ? magnitude(g.low, g.high) : left_end + right_end;
  const float left_scale = left_end * g.half_levels / (g.left_half_levels * end);
  const float right_scale = right_end * g.half_levels / (g.right_half_levels * end);
  for (i64 i = first_item(); i < g.count; i += grid_items()) {
    const float l = static_cast<float>(load(left[i])), r = static_cast<float>(load(right[i]));
    const float sum = __fadd_rn(__fmul_rn(l, left_scale), __fmul_rn(r, right_scale));
    dst[i] = static_cast<D>(saturated(sum, g.least, g.greatest));
  }
  put_range(dst_low, dst_high, g.calibrated ? g.low : -end, g.calibrated ? g.high : end);
}

// Products as they are in 32 bits or, over a calibrated range, cut off to 8, around which they wrap; or as real numbers.
extern "C" __global__ void quantized_multiply(const PairGeometry g, D* dst, float* dst_low, float* dst_high,
                                              const T* left, const R* right, const PairRanges ranges) {
  const float left_end = magnitude(*ranges.left_low, *ranges.left_high);
  const float right_end = magnitude(*ranges.right_low, *ranges.right_high);
  const float unit = left_end / g.left_half_levels * (right_end / g.right_half_levels);
  const float scale = g.calibrated ? unit * g.half_levels / magnitude(g.low, g.high) : 1.0f;
  for (i64 i = first_item(); i < g.count; i += grid_items()) {
    const i64 product = load(left[i]) * load(right[i]);
    if (g.gives_floats) {
      dst[i] = static_cast<D>(static_cast<float>(product) * unit);
    } else {
      dst[i] = static_cast<D>(g.calibrated ? convert<i64>(static_cast<float>(product) * scale) : product);
    }
  }
  const float end = left_end / g.left_levels * (right_end / g.right_levels) * 2147483647.0f;
  put_range(dst_low, dst_high, g.calibrated ? g.low : -end, g.calibrated ? g.high : end);
}

extern "C" __global__ void quantized_relu(i64 count, D* dst, float* dst_low, float* dst_high, const T* src,
                                          const float* low, const float* high) {
  for (i64 i = first_item(); i < count; i += grid_items()) {
    const i64 x = load(src[i]);
    dst[i] = static_cast<D>(x > 0 ? x : 0);
  }
  put_range(dst_low, dst_high, *low, *high);
}

struct NormGeometry {
  i64 count, channels, inner;
  int halved;       // the data are brought to int8 first
  float low, high;  // the calibrated range
  float half_levels, eps;
};

// One multiplication and addition a channel; ops/quantized_arithmetic.cpp says where the second root is from.
extern "C" __global__ void quantized_batch_norm(const NormGeometry g, D* dst, float* dst_low, float* dst_high,
                                                const T* src, const float* gamma, const float* beta, const float* mean,
                                                const float* variance, const float* low, const float* high) {
  const float end = magnitude(g.low, g.high), ratio = magnitude(*low, *high) / end, unit = g.half_levels / end;
  for (i64 i = first_item(); i < g.count; i += grid_items()) {
    const i64 channel = i / g.inner % g.channels;
    const float gain = gamma[channel] / sqrt(variance[channel] + g.eps);
    const float slope = gain * ratio / sqrt(1 + g.eps);
    const float offset = __fmul_rn(__fadd_rn(beta[channel], -__fmul_rn(mean[channel], gain)), unit);
    const i64 value = load(src[i]);
    const float x = static_cast<float>(g.halved ? value / 2 : value);
    dst[i] = static_cast<D>(saturated(__fadd_rn(__fmul_rn(x, slope), offset), -128, 127));
  }
  put_range(dst_low, dst_high, g.low, g.high);
}
