// CTCLoss: -ln of the summed probabilities of all alignments of a label sequence, by the forward variables over the
// labels with blanks between. L is the type of labels.

struct CtcGeometry {
  i64 steps, batch, classes, labels;
  int blank_first;
};

// As positions of refusals: the lengths of sequence n come first, then its labels.
enum { kLabelLength, kDataLength, kFirstLabel };

__device__ inline i64 label_of(L x) {
  const double value = load(x);
  constexpr i64 far = 1ll << 40;
  return fabs(value) < far ? static_cast<i64>(value) : value > 0 ? far : -far;
}

// What a block's threads have of a line, made one; a fixed order.
template <class Join> __device__ inline float over_block(float x, Join join) {
  __shared__ float partial[128];
  partial[threadIdx.x] = x;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] = join(partial[threadIdx.x], partial[threadIdx.x + half]);
    __syncthreads();
  }
  const float result = partial[0];
  __syncthreads();
  return result;
}

// ln of the sum of e^data over the classes: a block a step of a sequence.
extern "C" __global__ void ctc_normaliser(const CtcGeometry g, float* normaliser, const float* data) {
  for (i64 line = blockIdx.x; line < g.steps * g.batch; line += gridDim.x) {
    const float* values = data + line * g.classes;
    float greatest = -INFINITY_F, sum = 0;
    for (i64 i = threadIdx.x; i < g.classes; i += blockDim.x) greatest = values[i] > greatest ? values[i] : greatest;
    greatest = over_block(greatest, [](float a, float b) { return a > b ? a : b; });
    for (i64 i = threadIdx.x; i < g.classes; i += blockDim.x) sum += exp(values[i] - greatest);
    sum = over_block(sum, [](float a, float b) { return a + b; });
    if (threadIdx.x == 0) normaliser[line] = greatest + log(sum);
  }
}

// ln(e^a + e^b).
__device__ inline float add_logarithms(float a, float b) {
  const float larger = a > b ? a : b, smaller = a > b ? b : a;
  return smaller == -INFINITY_F ? larger : larger + log1p(exp(smaller - larger));
}

// A given length, else `otherwise`; -1 where it is outside [0, limit].
__device__ inline i64 checked_length(i64 length, i64 limit, i64 position, Refusal* refusal) {
  if (length >= 0 && length <= limit) return length;
  refuse(refusal, position, length);
  return -1;
}

// The labels of sequence n end at their given length, else at the first padding.
__device__ inline i64 label_count(const CtcGeometry& g, const L* labels, const L* lengths, i64 n, Refusal* refusal) {
  if (lengths != nullptr) {
    return checked_length(label_of(lengths[n]), g.labels, n * (g.labels + kFirstLabel) + kLabelLength, refusal);
  }
  const double padding = g.blank_first ? 0 : -1;
  i64 count = 0;
  while (count < g.labels && static_cast<double>(load(labels[n * g.labels + count])) != padding) ++count;
  return count;
}

// A block a sequence, a thread some of its states; `alpha` has two rows of 2 labels + 1 states for each.
extern "C" __global__ void ctc_cost(const CtcGeometry g, float* dst, i64* state_class, float* alpha, const float* data,
                                    const float* normaliser, const L* labels, const float* data_lengths,
                                    const L* label_lengths, Refusal* refusal) {
  __shared__ int repeats, refused;
  const i64 most = 2 * g.labels + 1, blank = g.blank_first ? 0 : g.classes - 1;
  const i64 least_label = g.blank_first ? 1 : 0, last_label = g.blank_first ? g.classes - 1 : g.classes - 2;
  for (i64 n = blockIdx.x; n < g.batch; n += gridDim.x) {
    const i64 first_position = n * (g.labels + kFirstLabel);
    const i64 count = label_count(g, labels, label_lengths, n, refusal), states = 2 * count + 1;
    i64 steps = g.steps;
    if (count >= 0 && data_lengths != nullptr) {
      const float given = data_lengths[n];
      const i64 length = fabs(given) < 1099511627776.0f ? static_cast<i64>(given) : given > 0 ? 1ll << 40 : -(1ll << 40);
      steps = checked_length(length, g.steps, first_position + kDataLength, refusal);
    }
    i64* classes = state_class + n * most;
    if (threadIdx.x == 0) {
      repeats = 0;
      refused = count < 0 || steps < 0;
      for (i64 s = 0; s < states && !refused; ++s) {
        classes[s] = s % 2 == 0 ? blank : label_of(labels[n * g.labels + s / 2]);
        if (s % 2 == 0) continue;
        if (classes[s] < least_label || classes[s] > last_label) {
          refuse(refusal, first_position + kFirstLabel + s / 2, classes[s]);
          refused = 1;
        }
        repeats += s > 1 && classes[s] == classes[s - 2];
      }
    }
    __syncthreads();
    // MXNet's answer where no alignment fits is 0.
    const bool fits = !refused && count + repeats <= steps && steps > 0;
    float* row = alpha + n * 2 * most;
    for (i64 t = 0; fits && t < steps; ++t) {
      const float* before = row + (t + 1) % 2 * most;
      const i64 line = t * g.batch + n;
      for (i64 s = threadIdx.x; s < states; s += blockDim.x) {
        float reached = t == 0 ? (s < 2 ? 0.0f : -INFINITY_F) : before[s];
        if (t > 0 && s > 0) reached = add_logarithms(reached, before[s - 1]);
        const bool skips_blank = s > 1 && s % 2 != 0 && classes[s] != classes[s - 2];
        if (t > 0 && skips_blank) reached = add_logarithms(reached, before[s - 2]);
        row[t % 2 * most + s] = reached + data[line * g.classes + classes[s]] - normaliser[line];
      }
      __syncthreads();
    }
    if (threadIdx.x == 0) {
      const float* last = row + (steps + 1) % 2 * most;
      dst[n] = !fits ? 0.0f : -(states > 1 ? add_logarithms(last[states - 1], last[states - 2]) : last[0]);
    }
    __syncthreads();
  }
}
