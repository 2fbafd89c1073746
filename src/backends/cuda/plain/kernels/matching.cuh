// Greedy matching of rows and columns by score, a block a matrix: the best pair whose row and column are both free, until
// none is good enough.

struct MatchingGeometry {
  i64 batch, rows, columns, most;  // most: matches
  int ascending;
  float threshold;
};

// NaN stands behind all numbers; equal scores keep their order. A place of -1 is none.
__device__ inline bool stands_before(A a, i64 at_a, A b, i64 at_b) {
  if (at_a < 0 || at_b < 0) return at_b < 0;
  const bool a_nan = a != a, b_nan = b != b;
  if (a_nan || b_nan) return a_nan == b_nan ? at_a < at_b : b_nan;
  return a == b ? at_a < at_b : a > b;
}

// Leaves the block's best in front.
__device__ inline void find_first(A* scores, i64* places) {
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    const unsigned other = threadIdx.x + half;
    if (threadIdx.x < half && stands_before(scores[other], places[other], scores[threadIdx.x], places[threadIdx.x])) {
      scores[threadIdx.x] = scores[other];
      places[threadIdx.x] = places[other];
    }
  }
  __syncthreads();
}

extern "C" __global__ void bipartite_matching(const MatchingGeometry g, T* row_match, T* column_match, const T* src) {
  __shared__ A scores[256];
  __shared__ i64 places[256];
  const i64 pairs = g.rows * g.columns;
  for (i64 n = blockIdx.x; n < g.batch; n += gridDim.x) {
    T *rows = row_match + n * g.rows, *columns = column_match + n * g.columns;
    for (i64 i = threadIdx.x; i < g.rows; i += blockDim.x) rows[i] = convert<T>(A(-1));
    for (i64 i = threadIdx.x; i < g.columns; i += blockDim.x) columns[i] = convert<T>(A(-1));
    __syncthreads();
    for (i64 count = 0; count < g.most; ++count) {
      A best = 0;
      i64 best_at = -1;
      for (i64 i = threadIdx.x; i < pairs; i += blockDim.x) {
        const A score = g.ascending ? -load(src[n * pairs + i]) : load(src[n * pairs + i]);
        if (!stands_before(score, i, best, best_at)) continue;
        if (load(rows[i / g.columns]) != -1 || load(columns[i % g.columns]) != -1) continue;
        best = score;
        best_at = i;
      }
      scores[threadIdx.x] = best;
      places[threadIdx.x] = best_at;
      find_first(scores, places);
      const i64 place = places[0];
      if (place < 0 || !(scores[0] > g.threshold)) break;
      if (threadIdx.x == 0) {
        rows[place / g.columns] = convert<T>(place % g.columns);
        columns[place % g.columns] = convert<T>(place / g.columns);
      }
      __syncthreads();
    }
    __syncthreads();
  }
}
