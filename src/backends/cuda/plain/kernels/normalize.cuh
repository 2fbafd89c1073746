// Normalisations by statistics of the data: InstanceNorm, LayerNorm, GroupNorm and L2Normalization, a block a set of
// elements `step` apart; LRN, a thread an element. Sums are in double, as the reference's.

struct NormGeometry {
  i64 sets, size, step;      // set s begins at s / step * size * step + s % step
  i64 parameters;            // elements of gamma and beta
  int per_element;           // element i of a set has its own gamma[i]; otherwise set s has gamma[s % parameters]
  int gives_variance;        // in place of the deviation
  double eps;
};

extern "C" __global__ void normalize(const NormGeometry g, T* dst, T* means, T* spreads, const T* src, const T* gamma,
                                     const T* beta) {
  for (i64 s = blockIdx.x; s < g.sets; s += gridDim.x) {
    const i64 first = s / g.step * g.size * g.step + s % g.step;
    double sum = 0, squares = 0;
    for (i64 i = threadIdx.x; i < g.size; i += blockDim.x) sum += load(src[first + i * g.step]);
    const double mean = sum_over_block(sum) / g.size;
    for (i64 i = threadIdx.x; i < g.size; i += blockDim.x) {
      const double d = load(src[first + i * g.step]) - mean;
      squares += d * d;
    }
    const double variance = sum_over_block(squares) / g.size, deviation = sqrt(variance + g.eps);
    for (i64 i = threadIdx.x; i < g.size; i += blockDim.x) {
      const i64 p = g.per_element ? i : s % g.parameters, at = first + i * g.step;
      dst[at] = convert<T>((load(src[at]) - mean) / deviation * load(gamma[p]) + load(beta[p]));
    }
    if (threadIdx.x == 0 && means != nullptr) means[s] = convert<T>(mean);
    if (threadIdx.x == 0 && spreads != nullptr) spreads[s] = convert<T>(g.gives_variance ? variance : deviation);
  }
}

extern "C" __global__ void l2_normalize(const NormGeometry g, T* dst, T* norms, const T* src) {
  for (i64 s = blockIdx.x; s < g.sets; s += gridDim.x) {
    const i64 first = s / g.step * g.size * g.step + s % g.step;
    double squares = 0;
    for (i64 i = threadIdx.x; i < g.size; i += blockDim.x) {
      const double x = load(src[first + i * g.step]);
      squares += x * x;
    }
    const double norm = sqrt(g.eps + sum_over_block(squares));
    for (i64 i = threadIdx.x; i < g.size; i += blockDim.x) {
      const i64 at = first + i * g.step;
      dst[at] = convert<T>(load(src[at]) / norm);
    }
    if (threadIdx.x == 0 && norms != nullptr) norms[s] = convert<T>(norm);
  }
}

struct LrnGeometry {
  i64 count, channels, step;
  i64 half;  // of the window of channels, the middle apart
  double alpha, beta, knorm;
};

extern "C" __global__ void lrn(const LrnGeometry g, T* dst, T* norms, const T* src) {
  for (i64 at = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; at < g.count;
       at += static_cast<i64>(gridDim.x) * blockDim.x) {
    const i64 c = at / g.step % g.channels;
    const i64 low = c < g.half ? -c : -g.half, high = c + g.half < g.channels ? g.half : g.channels - 1 - c;
    double squares = 0;
    for (i64 k = low; k <= high; ++k) {
      const double x = load(src[at + k * g.step]);
      squares += x * x;
    }
    const double norm = g.knorm + g.alpha * squares;
    if (norms != nullptr) norms[at] = convert<T>(norm);
    dst[at] = convert<T>(load(src[at]) * pow(norm, -g.beta));
  }
}
