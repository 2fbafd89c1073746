// Factorizations, triangular products and solutions, determinants of batches of matrices. A block makes a matrix where
// one step of the formula waits for another; a thread makes an element or a column where none does. Everything is in
// double precision, as in the reference.

struct LinalgGeometry {
  i64 batch, rows, columns;      // of the matrices of input 0
  i64 b_rows, b_columns;         // of the right sides of trmm and trsm
  int lower, transpose, rightside;
  double alpha;
};

// A row-major matrix in double precision.
struct Matrix {
  double* data;
  i64 columns;
  __device__ double& operator()(i64 row, i64 column) const { return data[row * columns + column]; }
};

// This block's part of the workspace, of so many doubles a block.
__device__ inline double* block_memory(double* workspace, i64 doubles) { return workspace + blockIdx.x * doubles; }

// What follows may read the block's copy.
__device__ inline void widen(double* dst, const T* src, i64 count) {
  for (i64 i = threadIdx.x; i < count; i += blockDim.x) dst[i] = load(src[i]);
  __syncthreads();
}

__device__ inline void set_identity(const Matrix& m, i64 rows) {
  for (i64 i = threadIdx.x; i < rows * m.columns; i += blockDim.x) m.data[i] = i / m.columns == i % m.columns ? 1 : 0;
  __syncthreads();
}

// The first row from `column` on whose element there is the greatest in magnitude; NaN is never chosen, and never left.
__device__ inline i64 pivot_of(const Matrix& a, i64 rows, i64 column) {
  __shared__ double magnitudes[THREADS];
  __shared__ i64 places[THREADS];
  double best = fabs(a(column, column));
  i64 at = column;
  for (i64 row = column + 1 + threadIdx.x; row < rows; row += blockDim.x) {
    const double magnitude = fabs(a(row, column));
    if (magnitude > best) {
      best = magnitude;
      at = row;
    }
  }
  magnitudes[threadIdx.x] = best;
  places[threadIdx.x] = at;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      const double other = magnitudes[threadIdx.x + half], own = magnitudes[threadIdx.x];
      const i64 place = places[threadIdx.x + half];
      if (other > own || (other == own && place < places[threadIdx.x])) {
        magnitudes[threadIdx.x] = other;
        places[threadIdx.x] = place;
      }
    }
    __syncthreads();
  }
  const i64 pivot = places[0];
  __syncthreads();
  return pivot;
}

__device__ inline void swap_rows(const Matrix& m, i64 first, i64 second) {
  for (i64 k = threadIdx.x; k < m.columns; k += blockDim.x) {
    const double kept = m(first, k);
    m(first, k) = m(second, k);
    m(second, k) = kept;
  }
}

// Rows below `column` lose their multiple of that row, from column `from` of `m` on. The factors are read from `a`.
__device__ inline void eliminate(const Matrix& a, const Matrix& m, i64 rows, i64 column, i64 from) {
  const i64 width = m.columns - from;
  for (i64 i = threadIdx.x; i < (rows - column - 1) * width; i += blockDim.x) {
    const i64 row = column + 1 + i / width, k = from + i % width;
    m(row, k) -= a(row, column) / a(column, column) * m(column, k);
  }
}

// Makes the upper triangle of `a` what elimination with partial pivoting leaves there, and does the same to `beside`
// where it has columns. Returns the sign that the exchanges give the determinant.
__device__ inline double triangulate(const Matrix& a, const Matrix& beside, i64 n) {
  double sign = 1;
  for (i64 column = 0; column < n; ++column) {
    const i64 pivot = pivot_of(a, n, column);
    if (a(pivot, column) == 0) continue;
    __syncthreads();
    if (pivot != column) {
      sign = -sign;
      swap_rows(a, pivot, column);
      swap_rows(beside, pivot, column);
    }
    __syncthreads();
    eliminate(a, a, n, column, column + 1);
    eliminate(a, beside, n, column, 0);
    __syncthreads();
  }
  return sign;
}

// The determinant; where `logarithms` are asked for, its sign and the logarithm of its magnitude.
extern "C" __global__ void determinant(const LinalgGeometry g, T* dst, T* logarithms, const T* src, double* workspace) {
  const i64 n = g.rows;
  const Matrix a = {block_memory(workspace, n * n), n}, none = {nullptr, 0};
  for (i64 b = blockIdx.x; b < g.batch; b += gridDim.x) {
    widen(a.data, src + b * n * n, n * n);
    double product = triangulate(a, none, n), logarithm = 0;
    for (i64 i = 0; i < n && threadIdx.x == 0; ++i) {
      const double pivot = a(i, i);
      product *= logarithms == nullptr ? pivot : pivot > 0 ? 1 : pivot < 0 ? -1 : 0;
      logarithm += log(fabs(pivot));
    }
    if (threadIdx.x == 0) {
      dst[b] = convert<T>(product);
      if (logarithms != nullptr) logarithms[b] = convert<T>(logarithm);
    }
    __syncthreads();
  }
}

// A = L Lᵀ; with upper triangles the result is Lᵀ. A thread makes an element of a column, which waits for those before.
extern "C" __global__ void potrf(const LinalgGeometry g, T* dst, const T* src, double* workspace, Refusal* refusal) {
  const i64 n = g.rows;
  const Matrix l = {block_memory(workspace, n * n), n};
  for (i64 b = blockIdx.x; b < g.batch; b += gridDim.x) {
    widen(l.data, src + b * n * n, n * n);
    bool definite = true;
    for (i64 j = 0; j < n && definite; ++j) {
      for (i64 i = j + threadIdx.x; i < n; i += blockDim.x) {
        double rest = l(i, j);
        for (i64 k = 0; k < j; ++k) rest -= l(i, k) * l(j, k);
        l(i, j) = rest;
      }
      __syncthreads();
      const double pivot = l(j, j);
      definite = pivot > 0;
      if (!definite && threadIdx.x == 0) refuse(refusal, b, j);
      __syncthreads();
      for (i64 i = j + threadIdx.x; i < n; i += blockDim.x) l(i, j) = i == j ? sqrt(pivot) : l(i, j) / sqrt(pivot);
      __syncthreads();
    }
    for (i64 at = threadIdx.x; at < n * n && definite; at += blockDim.x) {
      const i64 row = g.lower ? at / n : at % n, column = g.lower ? at % n : at / n;
      dst[b * n * n + at] = convert<T>(column <= row ? l(row, column) : 0.0);
    }
    __syncthreads();
  }
}

// By elimination beside the identity; a thread solves for a column of the inverse.
extern "C" __global__ void inverse(const LinalgGeometry g, T* dst, const T* src, double* workspace, Refusal* refusal) {
  const i64 n = g.rows;
  double* const memory = block_memory(workspace, 2 * n * n);
  const Matrix a = {memory, n}, x = {memory + n * n, n};
  for (i64 b = blockIdx.x; b < g.batch; b += gridDim.x) {
    widen(a.data, src + b * n * n, n * n);
    set_identity(x, n);
    triangulate(a, x, n);
    for (i64 j = threadIdx.x; j < n; j += blockDim.x) {
      for (i64 i = n - 1; i >= 0; --i) {
        if (a(i, i) == 0) {
          refuse(refusal, b);
          break;
        }
        for (i64 k = i + 1; k < n; ++k) x(i, j) -= a(i, k) * x(k, j);
        x(i, j) /= a(i, i);
        dst[b * n * n + i * n + j] = convert<T>(x(i, j));
      }
    }
    __syncthreads();
  }
}

// Inverse of L Lᵀ from L, or from Lᵀ: a thread makes a column of the inverse of L, then elements.
extern "C" __global__ void potri(const LinalgGeometry g, T* dst, const T* src, double* workspace) {
  const i64 n = g.rows;
  double* const memory = block_memory(workspace, 2 * n * n);
  const Matrix l = {memory, n}, inverse = {memory + n * n, n};
  for (i64 b = blockIdx.x; b < g.batch; b += gridDim.x) {
    widen(l.data, src + b * n * n, n * n);
    for (i64 j = threadIdx.x; j < n; j += blockDim.x) {
      for (i64 i = 0; i < n; ++i) {
        double rest = i == j ? 1 : 0;
        for (i64 k = 0; k < i; ++k) rest -= (g.lower ? l(i, k) : l(k, i)) * inverse(k, j);
        inverse(i, j) = rest / l(i, i);
      }
    }
    __syncthreads();
    for (i64 at = threadIdx.x; at < n * n; at += blockDim.x) {
      double sum = 0;
      for (i64 k = 0; k < n; ++k) sum += inverse(k, at / n) * inverse(k, at % n);
      dst[b * n * n + at] = convert<T>(sum);
    }
    __syncthreads();
  }
}

extern "C" __global__ void sumlogdiag(const LinalgGeometry g, T* dst, const T* src) {
  for (i64 b = first_item(); b < g.batch; b += grid_items()) {
    double sum = 0;
    for (i64 i = 0; i < g.rows; ++i) sum += log(static_cast<double>(load(src[(b * g.rows + i) * g.rows + i])));
    dst[b] = convert<T>(sum);
  }
}

// An element of the matrix on the left, whose other triangle counts as zero. B op(A) is (op(A)ᵀ Bᵀ)ᵀ, so that one formula
// serves both sides.
__device__ inline double left_of(const LinalgGeometry& g, const T* a, i64 row, i64 column) {
  const bool swapped = (g.transpose != 0) != (g.rightside != 0);
  const i64 r = swapped ? column : row, c = swapped ? row : column;
  return (g.lower ? c <= r : c >= r) ? load(a[r * g.rows + c]) : 0;
}

// dst = alpha op(A) B, or alpha B op(A): a thread makes an element.
extern "C" __global__ void trmm(const LinalgGeometry g, T* dst, const T* a, const T* b) {
  const i64 size = g.b_rows * g.b_columns;
  for (i64 item = first_item(); item < g.batch * size; item += grid_items()) {
    const i64 matrix = item / size, row = item % size / g.b_columns, column = item % g.b_columns;
    const i64 i = g.rightside ? column : row;
    const T* right = b + matrix * size + (g.rightside ? row * g.b_columns : column);
    const i64 step = g.rightside ? 1 : g.b_columns;
    double sum = 0;
    for (i64 k = 0; k < g.rows; ++k) {
      sum += left_of(g, a + matrix * g.rows * g.rows, i, k) * static_cast<double>(load(right[k * step]));
    }
    dst[item] = convert<T>(g.alpha * sum);
  }
}

// op(A) X = alpha B, or X op(A) = alpha B: a thread makes a line of X, by substitution from the end that is known first.
extern "C" __global__ void trsm(const LinalgGeometry g, T* dst, const T* a, const T* b, double* solved) {
  const i64 size = g.b_rows * g.b_columns, lines = size / g.rows, step = g.rightside ? 1 : g.b_columns;
  const bool lower = (g.lower != 0) == (g.transpose == g.rightside);
  for (i64 item = first_item(); item < g.batch * lines; item += grid_items()) {
    const i64 matrix = item / lines, line = item % lines;
    const i64 begin = matrix * size + (g.rightside ? line * g.b_columns : line);
    const T* left = a + matrix * g.rows * g.rows;
    for (i64 done = 0; done < g.rows; ++done) {
      const i64 i = lower ? done : g.rows - 1 - done;
      double rest = g.alpha * static_cast<double>(load(b[begin + i * step]));
      for (i64 k = lower ? 0 : i + 1; k < (lower ? i : g.rows); ++k) {
        rest -= left_of(g, left, i, k) * solved[begin + k * step];
      }
      solved[begin + i * step] = rest / left_of(g, left, i, i);
      dst[begin + i * step] = convert<T>(solved[begin + i * step]);
    }
  }
}

// row(c) -= tau (row · v) v(c) from column i on: the row times the reflector with v(i) = 1.
__device__ inline void reflect(const Matrix& m, i64 row, const Matrix& v, i64 i, double tau) {
  double dot = m(row, i);
  for (i64 c = i + 1; c < v.columns; ++c) dot += m(row, c) * v(i, c);
  m(row, i) -= tau * dot;
  for (i64 c = i + 1; c < v.columns; ++c) m(row, c) -= tau * dot * v(i, c);
}

// A = L Q by Householder reflectors with LAPACK's signs. Reflector i is kept in row i of A, behind the diagonal.
extern "C" __global__ void gelqf(const LinalgGeometry g, T* q_dst, T* l_dst, const T* src, double* workspace) {
  const i64 m = g.rows, n = g.columns;
  double* const memory = block_memory(workspace, 2 * m * n + m);
  const Matrix a = {memory, n}, q = {memory + m * n, n};
  double* const tau = memory + 2 * m * n;
  for (i64 b = blockIdx.x; b < g.batch; b += gridDim.x) {
    widen(a.data, src + b * m * n, m * n);
    for (i64 i = 0; i < m; ++i) {
      double squares = 0;
      for (i64 c = i + 1 + threadIdx.x; c < n; c += blockDim.x) squares += a(i, c) * a(i, c);
      const double tail = sum_over_block(squares), diagonal = a(i, i);
      const double beta = -copysign(hypot(diagonal, sqrt(tail)), diagonal);
      if (threadIdx.x == 0) tau[i] = tail == 0 ? 0 : (beta - diagonal) / beta;
      if (tail == 0) continue;
      for (i64 c = i + 1 + threadIdx.x; c < n; c += blockDim.x) a(i, c) /= diagonal - beta;
      __syncthreads();
      for (i64 row = i + 1 + threadIdx.x; row < m; row += blockDim.x) reflect(a, row, a, i, tau[i]);
      if (threadIdx.x == 0) a(i, i) = beta;
      __syncthreads();
    }
    set_identity(q, m);
    for (i64 row = threadIdx.x; row < m; row += blockDim.x) {
      for (i64 i = m; i-- > 0;) reflect(q, row, a, i, tau[i]);
    }
    __syncthreads();
    for (i64 at = threadIdx.x; at < m * n; at += blockDim.x) q_dst[b * m * n + at] = convert<T>(q.data[at]);
    for (i64 at = threadIdx.x; at < m * m; at += blockDim.x) {
      l_dst[b * m * m + at] = convert<T>(at % m <= at / m ? a(at / m, at % m) : 0);
    }
    __syncthreads();
  }
}

// One Jacobi rotation of rows and columns p and q, after which a(p, q) vanishes.
__device__ inline void rotate(const Matrix& a, const Matrix& u, i64 n, i64 p, i64 q) {
  const double theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
  const double t = copysign(1.0, theta) / (fabs(theta) + hypot(theta, 1.0)), c = 1 / hypot(t, 1.0), s = t * c;
  const auto turn = [&](double& x, double& y) {
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  __syncthreads();
  for (i64 k = threadIdx.x; k < n; k += blockDim.x) {
    turn(a(k, p), a(k, q));
    turn(u(p, k), u(q, k));
  }
  __syncthreads();
  for (i64 k = threadIdx.x; k < n; k += blockDim.x) turn(a(p, k), a(q, k));
  __syncthreads();
}

// Eigenvalues ascend.
__device__ inline void order_eigenvalues(const Matrix& a, const Matrix& u, i64 n) {
  for (i64 i = 0; i < n; ++i) {
    i64 least = i;
    for (i64 k = i + 1; k < n; ++k) least = a(k, k) < a(least, least) ? k : least;
    __syncthreads();
    if (threadIdx.x == 0) {
      const double kept = a(i, i);
      a(i, i) = a(least, least);
      a(least, least) = kept;
    }
    if (least != i) swap_rows(u, i, least);
    __syncthreads();
  }
}

// A = Uᵀ diag(L) U by Jacobi rotations in the reference's order; each row of U is positive where it is largest. Jacobi
// converges quadratically, and ends with the sweep that meets nothing to turn.
extern "C" __global__ void syevd(const LinalgGeometry g, T* vectors, T* values, const T* src, double* workspace) {
  constexpr int kSweeps = 30;
  constexpr double kNothing = 1e-20;  // beside the diagonal, whose last digit is of 1e-16
  const i64 n = g.rows;
  double* const memory = block_memory(workspace, 2 * n * n);
  const Matrix a = {memory, n}, u = {memory + n * n, n};
  for (i64 b = blockIdx.x; b < g.batch; b += gridDim.x) {
    widen(a.data, src + b * n * n, n * n);
    set_identity(u, n);
    bool turned = true;
    for (int sweep = 0; sweep < kSweeps && turned; ++sweep) {
      turned = false;
      for (i64 p = 0; p < n; ++p) {
        for (i64 q = p + 1; q < n; ++q) {
          if (fabs(a(p, q)) <= kNothing * (fabs(a(p, p)) + fabs(a(q, q)))) continue;
          turned = true;
          rotate(a, u, n, p, q);
        }
      }
    }
    order_eigenvalues(a, u, n);
    for (i64 i = threadIdx.x; i < n; i += blockDim.x) {
      values[b * n + i] = convert<T>(a(i, i));
      i64 largest = 0;
      for (i64 k = 1; k < n; ++k) largest = fabs(u(i, k)) > fabs(u(i, largest)) ? k : largest;
      const double sign = u(i, largest) < 0 ? -1 : 1;
      for (i64 k = 0; k < n; ++k) vectors[(b * n + i) * n + k] = convert<T>(sign * u(i, k));
    }
    __syncthreads();
  }
}
