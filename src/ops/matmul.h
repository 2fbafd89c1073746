#pragma once

#include <vector>

#include "core/half.h"
#include "graph/op.h"

namespace tenon {

/// Where the matrices of one operand lie in its tensor, all in elements. With strides a transposed, an interleaved or a
/// repeated operand needs no copy.
struct MatrixView {
  std::int64_t row, column;         ///< strides within a matrix
  std::vector<std::int64_t> batch;  ///< strides from matrix to matrix, an item a batch axis
  std::int64_t offset = 0;
};

/// C[b] = alpha * A[b] B[b] + beta * C[b] for every b of a batch of any rank; A is rows x inner, B is inner x columns.
struct Matmul {
  std::vector<std::int64_t> batch;  ///< sizes of the batch axes
  std::int64_t rows, inner, columns;
  MatrixView a, b, c;
  double alpha = 1, beta = 0;
};

/// The view of a dense row-major batch of matrices, each rows x columns as it lies in memory; read transposed on
/// demand.
MatrixView dense_view(const std::vector<std::int64_t>& batch, std::int64_t rows, std::int64_t columns,
                      bool transposed = false);

/// Input a_index times input b_index into output 0. With a beta, output 0 begins as a copy of input c_index.
Kernel matmul_kernel(const OpCall& call, Matmul matmul, int a_index = 0, int b_index = 1, int c_index = 2);

}  // namespace tenon
