// Recurrent layers: the products with the inputs of all steps at once, then two kernels a step. State and gates are in
// A; L is the type of the sequences' lengths.

struct ProjectGeometry {
  i64 samples, inner, rows;
};

// dst[sample][row] = bias[row] + weight[row] . src[sample], in tiles of 16 x 16 through shared memory.
extern "C" __global__ void rnn_project(const ProjectGeometry g, A* dst, const T* src, const T* weight, const T* bias) {
  __shared__ A left[16][17], right[16][17];
  const i64 sample_tiles = (g.samples + 15) / 16, row_tiles = (g.rows + 15) / 16;
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  for (i64 tile = blockIdx.x; tile < sample_tiles * row_tiles; tile += gridDim.x) {
    const i64 first_sample = tile / row_tiles * 16, first_row = tile % row_tiles * 16;
    const i64 sample = first_sample + y, row = first_row + x;
    A sum = row < g.rows ? A(load(bias[row])) : A(0);
    for (i64 k = 0; k < g.inner; k += 16) {
      left[y][x] = sample < g.samples && k + x < g.inner ? A(load(src[sample * g.inner + k + x])) : A(0);
      right[x][y] = first_row + y < g.rows && k + x < g.inner ? A(load(weight[(first_row + y) * g.inner + k + x])) : A(0);
      __syncthreads();
      for (int i = 0; i < 16; ++i) sum += left[y][i] * right[i][x];
      __syncthreads();
    }
    if (sample < g.samples && row < g.rows) dst[sample * g.rows + row] = sum;
  }
}

struct StepGeometry {
  i64 steps, batch, hidden, recurrent;
  i64 step, output_stride, output_offset;  // where a step's output lies among those of both directions
  int backwards, projected;
};

__device__ inline i64 length_of(const L* lengths, i64 n, i64 steps) {
  if (lengths == nullptr) return steps;
  const double given = static_cast<double>(load(lengths[n]));
  return given >= 0 ? static_cast<i64>(given < steps ? given : static_cast<double>(steps)) : 0;
}

// The step of sequence n that is computed as number `step`; -1 behind its end.
__device__ inline i64 time_of(const StepGeometry& g, const L* lengths, i64 n) {
  const i64 count = length_of(lengths, n, g.steps);
  return g.step >= count ? -1 : g.backwards ? count - 1 - g.step : g.step;
}

__device__ inline A sigmoid(A x) { return 1 / (1 + exp(-x)); }

__device__ inline A sum_of_lanes(A x) {
  __shared__ A partial[256];
  partial[threadIdx.x] = x;
  __syncthreads();
  for (unsigned half = 16; half > 0; half /= 2) {
    if (threadIdx.x % 32 < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  const A sum = partial[threadIdx.x / 32 * 32];
  __syncthreads();
  return sum;
}

// One step of GATES gates, 32 threads a hidden unit: h_next (and c) from h, and the output of that step. Projected, h_next
// is what the projection begins with.
extern "C" __global__ void rnn_step(const StepGeometry g, T* dst, A* h_next, const A* h, A* c, const A* gx,
                                    const T* weight, const T* bias, const L* lengths) {
  const int lane = threadIdx.x % 32;
  const i64 groups = (g.hidden + 7) / 8;
  for (i64 group = blockIdx.x; group < g.batch * groups; group += gridDim.x) {
    const i64 n = group / groups, unit = group % groups * 8 + threadIdx.x / 32;
    const i64 t = time_of(g, lengths, n);
    A gate[GATES];
    for (int k = 0; k < GATES; ++k) {
      A part = 0;
      for (i64 i = lane; t >= 0 && unit < g.hidden && i < g.recurrent; i += 32) {
        part += A(load(weight[(k * g.hidden + unit) * g.recurrent + i])) * h[n * g.recurrent + i];
      }
      gate[k] = sum_of_lanes(part);
    }
    if (lane != 0 || unit >= g.hidden) continue;
    const i64 at = n * g.hidden + unit;
    if (t < 0) {
      if (g.projected) continue;
      h_next[at] = h[at];
      dst[(g.step * g.batch + n) * g.output_stride + g.output_offset + unit] = convert<T>(A(0));
      continue;
    }
    A x[GATES];
    for (int k = 0; k < GATES; ++k) {
      x[k] = gx[((t * g.batch + n) * GATES + k) * g.hidden + unit];
      gate[k] += A(load(bias[k * g.hidden + unit]));
    }
    A next;
    UPDATE
    h_next[at] = next;
    if (!g.projected) dst[(t * g.batch + n) * g.output_stride + g.output_offset + unit] = convert<T>(next);
  }
}

// h_next = weight . unprojected, and the output of that step.
extern "C" __global__ void rnn_project_state(const StepGeometry g, T* dst, A* h_next, const A* h, const A* unprojected,
                                             const T* weight, const L* lengths) {
  const int lane = threadIdx.x % 32;
  const i64 groups = (g.recurrent + 7) / 8;
  for (i64 group = blockIdx.x; group < g.batch * groups; group += gridDim.x) {
    const i64 n = group / groups, unit = group % groups * 8 + threadIdx.x / 32;
    const i64 t = time_of(g, lengths, n);
    A part = 0;
    for (i64 i = lane; t >= 0 && unit < g.recurrent && i < g.hidden; i += 32) {
      part += A(load(weight[unit * g.hidden + i])) * unprojected[n * g.hidden + i];
    }
    const A sum = sum_of_lanes(part);
    if (lane != 0 || unit >= g.recurrent) continue;
    h_next[n * g.recurrent + unit] = t < 0 ? h[n * g.recurrent + unit] : sum;
    dst[((t < 0 ? g.step : t) * g.batch + n) * g.output_stride + g.output_offset + unit] = convert<T>(t < 0 ? A(0) : sum);
  }
}

extern "C" __global__ void rnn_widen(i64 count, A* dst, const T* src) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < count;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    dst[i] = A(load(src[i]));
  }
}

extern "C" __global__ void rnn_narrow(i64 count, T* dst, const A* src) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < count;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    dst[i] = convert<T>(src[i]);
  }
}
