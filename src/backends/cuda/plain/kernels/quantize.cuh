// From real numbers to quantized ones, back, and from 32 bits to 8, in the steps of the reference: a float that is
// rounded to an integer is first rounded as there, so products and sums are not contracted. T is the type of the source,
// D that of the result.

// The larger end of a range.
__device__ inline float magnitude(float low, float high) { return fabs(low) > fabs(high) ? fabs(low) : fabs(high); }

// The least and the greatest of what a block's threads have, in its first thread.
__device__ inline void join_extremes(A* least, A* greatest) {
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x >= half) continue;
    const A low = least[threadIdx.x + half], high = greatest[threadIdx.x + half];
    if (low < least[threadIdx.x]) least[threadIdx.x] = low;
    if (high > greatest[threadIdx.x]) greatest[threadIdx.x] = high;
  }
  __syncthreads();
}

// A block's part of the data: its least and greatest element.
extern "C" __global__ void extremes(i64 count, T* part, const T* src) {
  __shared__ A least[256], greatest[256];
  least[threadIdx.x] = greatest[threadIdx.x] = load(src[0]);
  for (i64 i = first_item(); i < count; i += grid_items()) {
    const A x = load(src[i]);
    if (x < least[threadIdx.x]) least[threadIdx.x] = x;
    if (x > greatest[threadIdx.x]) greatest[threadIdx.x] = x;
  }
  join_extremes(least, greatest);
  if (threadIdx.x != 0) return;
  part[2 * blockIdx.x] = convert<T>(least[0]);
  part[2 * blockIdx.x + 1] = convert<T>(greatest[0]);
}

struct RangeGeometry {
  int parts;         // of the data whose extremes are known; 0: the range does not follow from the data
  int is_signed;     // the result: such numbers use both sides alike
  float low, high;   // the calibrated range
  float levels;      // of the result, from zero to the end of its range
  float src_levels;  // of a source that is quantized itself, over the range [unit_low, unit_high]
};

// One block: the range that the results stand for, and what a source is multiplied by to become one.
extern "C" __global__ void settle_range(const RangeGeometry g, float* scale, float* dst_low, float* dst_high,
                                        const T* part, const float* range_low, const float* range_high,
                                        const float* unit_low, const float* unit_high) {
  __shared__ A least[256], greatest[256];
  const i64 mine = threadIdx.x < g.parts ? threadIdx.x : 0;
  if (g.parts > 0) {
    least[threadIdx.x] = load(part[2 * mine]);
    greatest[threadIdx.x] = load(part[2 * mine + 1]);
    join_extremes(least, greatest);
  }
  if (threadIdx.x != 0) return;
  const float unit = unit_low == nullptr ? 1.0f : magnitude(*unit_low, *unit_high) / g.src_levels;
  float low = g.low, high = g.high;
  if (g.parts > 0) {
    low = static_cast<float>(least[0]) * unit;
    high = static_cast<float>(greatest[0]) * unit;
  } else if (range_low != nullptr) {
    low = *range_low;
    high = *range_high;
  }
  const float end = magnitude(low, high);
  *scale = (end > 0 ? g.levels / end : 0.0f) * unit;
  if (dst_low != nullptr) *dst_low = g.is_signed ? -end : low;
  if (dst_high != nullptr) *dst_high = g.is_signed ? end : high;
}

// To the nearest, halves to even, limited to the type of the result; NaN to 0.
__device__ inline D saturated(float x, double least, double greatest) {
  const double value = rint(static_cast<double>(x));
  return static_cast<D>(static_cast<i64>(x != x ? 0 : value < least ? least : value > greatest ? greatest : value));
}

extern "C" __global__ void quantize(i64 count, double least, double greatest, D* dst, const T* src, const float* scale) {
  for (i64 i = first_item(); i < count; i += grid_items()) {
    dst[i] = saturated(__fmul_rn(static_cast<float>(load(src[i])), *scale), least, greatest);
  }
}

extern "C" __global__ void dequantize(i64 count, float levels, D* dst, const T* src, const float* low,
                                      const float* high) {
  const float scale = magnitude(*low, *high) / levels;
  for (i64 i = first_item(); i < count; i += grid_items()) dst[i] = static_cast<float>(load(src[i])) * scale;
}
