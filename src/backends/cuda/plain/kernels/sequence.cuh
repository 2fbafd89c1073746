// Sequences of different lengths, whose steps are moved. T is moved without being looked at, L is the type of lengths.

struct SequenceGeometry {
  i64 steps, batch, row;
  i64 step_stride, batch_stride;  // in rows
};

// The length of sequence n, every step where none are given, -1 where it is outside [least, steps].
__device__ inline i64 length_of(const SequenceGeometry& g, const L* lengths, i64 n, i64 least, Refusal* refusal) {
  const i64 length = lengths == nullptr ? g.steps : index_of(lengths[n]);
  if (length >= least && length <= g.steps) return length;
  refuse(refusal, n, length);
  return -1;
}

extern "C" __global__ void sequence_last(const SequenceGeometry g, T* dst, const T* src, const L* lengths,
                                         Refusal* refusal) {
  for (i64 i = first_item(); i < g.batch * g.row; i += grid_items()) {
    const i64 n = i / g.row, length = length_of(g, lengths, n, 1, refusal);
    if (length > 0) dst[i] = src[((length - 1) * g.step_stride + n * g.batch_stride) * g.row + i % g.row];
  }
}

// Time is the first axis.
extern "C" __global__ void sequence_reverse(const SequenceGeometry g, T* dst, const T* src, const L* lengths,
                                            Refusal* refusal) {
  for (i64 i = first_item(); i < g.steps * g.batch * g.row; i += grid_items()) {
    const i64 n = i / g.row % g.batch, step = i / g.row / g.batch, length = length_of(g, lengths, n, 0, refusal);
    const i64 from = step < length ? length - 1 - step : step;
    dst[i] = src[(from * g.batch + n) * g.row + i % g.row];
  }
}
