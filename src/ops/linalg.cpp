// Operators on the matrices in a tensor's last two axes: factorizations, triangular products and solutions,
// determinants. Each matrix is widened to double precision, worked on, and narrowed again.

#include <array>
#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/linalg.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tenon {
namespace {

/// A dense row-major matrix somewhere in the workspace.
struct Matrix {
  double* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  double& operator()(std::int64_t row, std::int64_t column) const { return data[row * columns + column]; }
};

/// The matrices of one step through the batch.
struct Block {
  std::array<Matrix, 2> src, dst;
  double* scratch;
  const Attributes* attributes;
  const DataRefusal* refuse;
};
using Compute = void (*)(const Block&);

/// The part of a tensor that belongs to one matrix of the batch: its last two axes, its last axis, or one number.
Matrix block_of(const Shape& shape, std::int64_t batch) {
  const std::int64_t elements = shape.elements() / batch;
  const std::int64_t columns = elements == 1 ? 1 : shape[shape.rank() - 1];
  return {nullptr, elements / columns, columns};
}

/// Runs `compute` on every matrix. `scratch` is how many doubles it needs besides its operands.
Kernel batch_kernel(const OpCall& call, Compute compute, std::int64_t scratch) {
  const Shape& first = call.shape_in(0);
  const std::int64_t batch = first.elements(0, first.rank() - 2);
  if (first.elements() == 0) return {[](const Operands&) {}};
  Block block{{}, {}, nullptr, nullptr, nullptr};
  std::int64_t doubles = scratch;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) block.src[i] = block_of(call.inputs[i].shape, batch);
  for (std::size_t i = 0; i < call.outputs.size(); ++i) block.dst[i] = block_of(call.outputs[i].shape, batch);
  for (const auto& side : {block.src, block.dst}) {
    for (const Matrix& matrix : side) doubles += matrix.rows * matrix.columns;
  }
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    const auto run = [=, attributes = call.attributes(), refuse = DataRefusal(call)](const Operands& operands) {
      Block step = block;
      step.attributes = &attributes;
      step.refuse = &refuse;
      auto* memory = reinterpret_cast<double*>(operands.workspace);
      for (auto* side : {&step.src, &step.dst}) {
        for (Matrix& matrix : *side) {
          matrix.data = memory;
          memory += matrix.rows * matrix.columns;
        }
      }
      step.scratch = memory;
      for (std::int64_t b = 0; b < batch; ++b) {
        for (std::size_t i = 0; i < operands.src.size(); ++i) {
          const std::int64_t size = step.src[i].rows * step.src[i].columns;
          const T* src = operands.in<T>(static_cast<int>(i)) + b * size;
          for (std::int64_t k = 0; k < size; ++k) step.src[i].data[k] = static_cast<double>(load(src[k]));
        }
        compute(step);
        for (std::size_t i = 0; i < operands.dst.size(); ++i) {
          const std::int64_t size = step.dst[i].rows * step.dst[i].columns;
          T* dst = operands.out<T>(static_cast<int>(i)) + b * size;
          for (std::int64_t k = 0; k < size; ++k) dst[k] = store<T>(step.dst[i].data[k]);
        }
      }
    };
    return Kernel{run, static_cast<std::size_t>(doubles) * sizeof(double)};
  });
}

/// A matrix, or its transpose when the attribute `lower` says that the factor is an upper triangle.
struct Factor {
  Matrix matrix;
  bool lower;
  double& operator()(std::int64_t row, std::int64_t column) const {
    return lower ? matrix(row, column) : matrix(column, row);
  }
};

/// A = L Lᵀ; with lower=False the result is Lᵀ.
void potrf(const Block& block) {
  const Matrix& a = block.src[0];
  const Factor l{block.dst[0], block.attributes->flag("lower")};
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.rows; ++j) {
      double rest = j <= i ? a(i, j) : 0;
      for (std::int64_t k = 0; k < j && j <= i; ++k) rest -= l(i, k) * l(j, k);
      if (i == j && !(rest > 0)) refuse_indefinite(*block.refuse, i);
      l(i, j) = j > i ? 0 : i == j ? std::sqrt(rest) : rest / l(j, j);
    }
  }
}

/// A triangular matrix as trmm and trsm see it. B op(A) is (op(A)ᵀ Bᵀ)ᵀ, so that one formula serves both sides.
struct Triangle {
  Matrix a, b, dst;
  bool lower, transpose, rightside;
  double alpha;

  explicit Triangle(const Block& block)
      : a(block.src[0]),
        b(block.src[1]),
        dst(block.dst[0]),
        lower(block.attributes->flag("lower")),
        transpose(block.attributes->flag("transpose")),
        rightside(block.attributes->flag("rightside")),
        alpha(block.attributes->real("alpha")) {}

  std::int64_t size() const { return a.rows; }
  std::int64_t columns() const { return rightside ? b.rows : b.columns; }
  /// Whether the matrix that stands on the left is lower triangular.
  bool left_is_lower() const { return lower == (transpose == rightside); }
  double left(std::int64_t row, std::int64_t column) const {
    if (transpose != rightside) std::swap(row, column);
    return (lower ? column <= row : column >= row) ? a(row, column) : 0;
  }
  double right(std::int64_t row, std::int64_t column) const { return rightside ? b(column, row) : b(row, column); }
  double& result(std::int64_t row, std::int64_t column) const {
    return rightside ? dst(column, row) : dst(row, column);
  }
};

/// dst = alpha op(A) B, or alpha B op(A).
void trmm(const Block& block) {
  const Triangle t(block);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    for (std::int64_t j = 0; j < t.columns(); ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < t.size(); ++k) sum += t.left(i, k) * t.right(k, j);
      t.result(i, j) = t.alpha * sum;
    }
  }
}

/// op(A) dst = alpha B, or dst op(A) = alpha B, by substitution from the end that is known first.
void trsm(const Block& block) {
  const Triangle t(block);
  for (std::int64_t step = 0; step < t.size(); ++step) {
    const std::int64_t i = t.left_is_lower() ? step : t.size() - 1 - step;
    const std::int64_t first = t.left_is_lower() ? 0 : i + 1, last = t.left_is_lower() ? i : t.size();
    for (std::int64_t j = 0; j < t.columns(); ++j) {
      double rest = t.alpha * t.right(i, j);
      for (std::int64_t k = first; k < last; ++k) rest -= t.left(i, k) * t.result(k, j);
      t.result(i, j) = rest / t.left(i, i);
    }
  }
}

/// Inverse of L Lᵀ from L, with lower=False from Lᵀ.
void potri(const Block& block) {
  const Factor l{block.src[0], block.attributes->flag("lower")};
  const Matrix& dst = block.dst[0];
  const std::int64_t n = dst.rows;
  const Matrix inverse{block.scratch, n, n};
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double rest = i == j ? 1 : 0;
      for (std::int64_t k = 0; k < i; ++k) rest -= l(i, k) * inverse(k, j);
      inverse(i, j) = rest / l(i, i);
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      dst(i, j) = 0;
      for (std::int64_t k = 0; k < n; ++k) dst(i, j) += inverse(k, i) * inverse(k, j);
    }
  }
}

void sumlogdiag(const Block& block) {
  *block.dst[0].data = 0;
  for (std::int64_t i = 0; i < block.src[0].rows; ++i) *block.dst[0].data += std::log(block.src[0](i, i));
}

/// Makes `a` upper triangular by row operations with partial pivoting and does the same to `beside`, where given.
/// Returns the sign that the row exchanges give the determinant.
double triangulate(const Matrix& a, const Matrix& beside = {}) {
  double sign = 1;
  for (std::int64_t column = 0; column < a.rows; ++column) {
    std::int64_t pivot = column;
    for (std::int64_t row = column + 1; row < a.rows; ++row) {
      if (std::abs(a(row, column)) > std::abs(a(pivot, column))) pivot = row;
    }
    if (a(pivot, column) == 0) continue;
    if (pivot != column) sign = -sign;
    for (const Matrix& matrix : {a, beside}) {
      for (std::int64_t k = 0; pivot != column && k < matrix.columns; ++k)
        std::swap(matrix(pivot, k), matrix(column, k));
    }
    for (std::int64_t row = column + 1; row < a.rows; ++row) {
      const double factor = a(row, column) / a(column, column);
      for (const Matrix& matrix : {a, beside}) {
        for (std::int64_t k = 0; k < matrix.columns; ++k) matrix(row, k) -= factor * matrix(column, k);
      }
    }
  }
  return sign;
}

void inverse(const Block& block) {
  const Matrix &a = block.src[0], &dst = block.dst[0];
  const std::int64_t n = a.rows;
  for (std::int64_t i = 0; i < n * n; ++i) dst.data[i] = i % (n + 1) == 0 ? 1 : 0;
  triangulate(a, dst);
  for (std::int64_t i = n; i-- > 0;) {
    if (a(i, i) == 0) refuse_singular(*block.refuse);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t k = i + 1; k < n; ++k) dst(i, j) -= a(i, k) * dst(k, j);
      dst(i, j) /= a(i, i);
    }
  }
}

void det(const Block& block) {
  double& product = *block.dst[0].data;
  product = triangulate(block.src[0]);
  for (std::int64_t i = 0; i < block.src[0].rows; ++i) product *= block.src[0](i, i);
}

/// The determinant as its sign and the logarithm of its magnitude.
void slogdet(const Block& block) {
  double &sign = *block.dst[0].data, &logarithm = *block.dst[1].data;
  sign = triangulate(block.src[0]);
  logarithm = 0;
  for (std::int64_t i = 0; i < block.src[0].rows; ++i) {
    const double pivot = block.src[0](i, i);
    sign *= pivot > 0 ? 1 : pivot < 0 ? -1 : 0;
    logarithm += std::log(std::abs(pivot));
  }
}

/// row(c) -= tau (row · v) v(c) from column i on: the row times the reflector with v(i) = 1.
void reflect(const Matrix& matrix, std::int64_t row, const Matrix& v, std::int64_t i, double tau) {
  double dot = matrix(row, i);
  for (std::int64_t c = i + 1; c < v.columns; ++c) dot += matrix(row, c) * v(i, c);
  matrix(row, i) -= tau * dot;
  for (std::int64_t c = i + 1; c < v.columns; ++c) matrix(row, c) -= tau * dot * v(i, c);
}

/// A = L Q by Householder reflectors with LAPACK's signs. Reflector i is kept in row i of A, behind the diagonal.
void gelqf(const Block& block) {
  const Matrix &a = block.src[0], &q = block.dst[0], &l = block.dst[1];
  double* tau = block.scratch;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    double tail = 0;
    for (std::int64_t c = i + 1; c < a.columns; ++c) tail += a(i, c) * a(i, c);
    const double diagonal = a(i, i), beta = -std::copysign(std::hypot(diagonal, std::sqrt(tail)), diagonal);
    tau[i] = tail == 0 ? 0 : (beta - diagonal) / beta;
    if (tail == 0) continue;
    for (std::int64_t c = i + 1; c < a.columns; ++c) a(i, c) /= diagonal - beta;
    for (std::int64_t row = i + 1; row < a.rows; ++row) reflect(a, row, a, i, tau[i]);
    a(i, i) = beta;
  }
  for (std::int64_t row = 0; row < a.rows; ++row) {
    for (std::int64_t c = 0; c < a.columns; ++c) q(row, c) = row == c ? 1 : 0;
    for (std::int64_t i = a.rows; i-- > 0;) reflect(q, row, a, i, tau[i]);
    for (std::int64_t c = 0; c < a.rows; ++c) l(row, c) = c <= row ? a(row, c) : 0;
  }
}

/// Turns rows p and q of both sides so that a(p, q) vanishes: one Jacobi rotation.
void rotate(const Matrix& a, const Matrix& u, std::int64_t p, std::int64_t q) {
  if (a(p, q) == 0) return;
  const double theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
  const double t = std::copysign(1, theta) / (std::abs(theta) + std::hypot(theta, 1)), c = 1 / std::hypot(t, 1),
               s = t * c;
  const auto turn = [&](double& x, double& y) {
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (std::int64_t k = 0; k < a.rows; ++k) turn(a(k, p), a(k, q));
  for (std::int64_t k = 0; k < a.rows; ++k) turn(a(p, k), a(q, k));
  for (std::int64_t k = 0; k < a.rows; ++k) turn(u(p, k), u(q, k));
}

/// A = Uᵀ diag(L) U by Jacobi rotations; eigenvalues ascend, and each row of U is positive where it is largest.
void syevd(const Block& block) {
  const Matrix &a = block.src[0], &u = block.dst[0], &values = block.dst[1];
  const std::int64_t n = a.rows;
  for (std::int64_t i = 0; i < n * n; ++i) u.data[i] = i % (n + 1) == 0 ? 1 : 0;
  constexpr int sweeps = 30;  // Jacobi converges quadratically; some ten are enough for any matrix
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    for (std::int64_t p = 0; p < n; ++p) {
      for (std::int64_t q = p + 1; q < n; ++q) rotate(a, u, p, q);
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t least = i;
    for (std::int64_t k = i + 1; k < n; ++k) least = a(k, k) < a(least, least) ? k : least;
    std::swap(a(i, i), a(least, least));
    values.data[i] = a(i, i);
    std::int64_t largest = 0;
    for (std::int64_t k = 0; k < n; ++k) std::swap(u(i, k), u(least, k));
    for (std::int64_t k = 1; k < n; ++k) largest = std::abs(u(i, k)) > std::abs(u(i, largest)) ? k : largest;
    const bool flip = u(i, largest) < 0;
    for (std::int64_t k = 0; flip && k < n; ++k) u(i, k) = -u(i, k);
  }
}

/// Refuses what is not a batch of matrices, square ones where asked; returns the rank, -1 while unknown.
int matrix_rank(const ShapeInference& shapes, int input, bool square) {
  const Shape& shape = shapes.in(input);
  if (!shape.has_rank()) return -1;
  const int rank = shape.rank();
  if (rank < 2) shapes.refuse("input {} must be a matrix or a batch of them, but is {}", input, shape.str());
  const std::int64_t rows = shape[rank - 2], columns = shape[rank - 1];
  if (square && rows != columns && rows != Shape::unknown && columns != Shape::unknown) {
    shapes.refuse("the matrices of input {} must be square, but its shape is {}", input, shape.str());
  }
  return rank;
}

void infer_square(ShapeInference& shapes) {
  shapes.set_in(0, shapes.out());
  matrix_rank(shapes, 0, true);
  shapes.set_out(0, shapes.in(0));
}

/// One number a matrix; (1,) for a single matrix outside numpy semantics.
void infer_number(ShapeInference& shapes) {
  const int rank = matrix_rank(shapes, 0, true);
  if (rank < 0) return;
  const Shape dst = rank == 2 && !shapes.np_shape() ? Shape{1} : part(shapes.in(0), 0, rank - 2);
  for (int i = 0; i < shapes.outputs(); ++i) shapes.set_out(i, dst);
}

void infer_gelqf(ShapeInference& shapes) {
  const int rank = matrix_rank(shapes, 0, false);
  if (rank < 0) return;
  const Shape& src = shapes.in(0);
  if (src.is_known() && src[rank - 2] > src[rank - 1]) {
    shapes.refuse("the matrices must not have more rows than columns, but the shape is {}", src.str());
  }
  shapes.set_out(0, src);
  shapes.set_out(1, joined(part(src, 0, rank - 1), {src[rank - 2]}));
}

void infer_syevd(ShapeInference& shapes) {
  infer_square(shapes);
  if (shapes.in(0).has_rank()) shapes.set_out(1, part(shapes.in(0), 0, shapes.in(0).rank() - 1));
}

void infer_triangular(ShapeInference& shapes) {
  shapes.set_in(1, shapes.out());
  shapes.set_out(0, shapes.in(1));
  const int rank = matrix_rank(shapes, 0, true);
  if (rank < 0 || matrix_rank(shapes, 1, false) < 0) return;
  const Shape &a = shapes.in(0), &b = shapes.in(1);
  const std::int64_t size = b[shapes.attributes().flag("rightside") ? b.rank() - 1 : b.rank() - 2];
  if (b.rank() != rank ||
      (a.is_known() && b.is_known() && (a[rank - 1] != size || part(a, 0, rank - 2) != part(b, 0, rank - 2)))) {
    shapes.refuse("the matrices of A {} do not fit those of B {}", a.str(), b.str());
  }
}

/// Doubles of scratch for matrices of the first input's size.
using Scratch = std::int64_t (*)(std::int64_t rows);
std::int64_t none(std::int64_t) {
  return 0;
}

Op linalg(const std::string& name, std::vector<std::string> aliases, std::string doc,
          void (*infer_shape)(ShapeInference&), Compute compute, Scratch scratch = none) {
  Op op;
  op.name = "_linalg_" + name;
  op.aliases = std::move(aliases);
  op.aliases.push_back("linalg_" + name);
  op.doc = std::move(doc);
  op.inputs = always({"A"});
  op.infer_shape = infer_shape;
  op.reference = [compute, scratch](const OpCall& call) {
    return batch_kernel(call, compute, scratch(call.shape_in(0)[call.shape_in(0).rank() - 2]));
  };
  return op;
}

Op cholesky(Op op) {
  op.attributes = {boolean("lower").or_else(true)};
  return op;
}

/// The name MXNet gives the first of several outputs, the others being hidden by-products that nobody reads.
Op named_output0(Op op) {
  op.outputs = always({"output0"});
  return op;
}

Op two_outputs(Op op) {
  op.outputs = always({"output0", "output1"});
  return op;
}

Op triangular(const std::string& name, std::string doc, Compute compute) {
  Op op = linalg(name, {}, std::move(doc), infer_triangular, compute);
  op.inputs = always({"A", "B"});
  op.attributes = {boolean("transpose").or_else(false), boolean("rightside").or_else(false),
                   boolean("lower").or_else(true), real("alpha").or_else(1.0)};
  return op;
}

}  // namespace

std::vector<Op> linalg_ops() {
  return {
      cholesky(linalg("potrf", {}, "The lower triangular L with A = L Lᵀ.", infer_square, potrf)),
      cholesky(linalg("potri", {}, "The inverse of A Aᵀ for a lower triangular A.", infer_square, potri,
                      [](std::int64_t rows) { return rows * rows; })),
      triangular("trmm", "alpha op(A) B for a triangular A, or alpha B op(A).", trmm),
      triangular("trsm", "The solution X of op(A) X = alpha B for a triangular A, or of X op(A) = alpha B.", trsm),
      linalg("sumlogdiag", {}, "The sum of the logarithms on the diagonal.", infer_number, sumlogdiag),
      linalg("inverse", {"_npi_inv"}, "The inverse.", infer_square, inverse),
      named_output0(linalg("det", {"_npi_det"}, "The determinant.", infer_number, det)),
      two_outputs(linalg("slogdet", {"_npi_slogdet"}, "Sign and logarithm of the determinant.", infer_number, slogdet)),
      two_outputs(linalg("gelqf", {}, "Q and L with A = L Q, Q orthonormal and L lower triangular.", infer_gelqf, gelqf,
                         [](std::int64_t rows) { return rows; })),
      two_outputs(linalg("syevd", {}, "Eigenvectors (rows) and ascending eigenvalues of a symmetric matrix.",
                         infer_syevd, syevd)),
  };
}

}  // namespace tenon
