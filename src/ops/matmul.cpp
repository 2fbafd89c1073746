#include "ops/matmul.h"

#include <cstring>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"

namespace tenon {
namespace {

template <class T>
void multiply(const Matmul& m, const T* a, const T* b, T* c) {
  using A = arithmetic_t<T>;
  for (std::int64_t i = 0; i < m.rows; ++i) {
    for (std::int64_t j = 0; j < m.columns; ++j) {
      A sum = 0;
      for (std::int64_t k = 0; k < m.inner; ++k) {
        sum += load(a[i * m.a.row + k * m.a.column]) * load(b[k * m.b.row + j * m.b.column]);
      }
      T& dst = c[i * m.c.row + j * m.c.column];
      A value = static_cast<A>(m.alpha) * sum;
      if (m.beta != 0) value += static_cast<A>(m.beta) * load(dst);
      dst = store<T>(value);
    }
  }
}

template <class T>
void multiply_batch(const Matmul& m, std::size_t axis, const T* a, const T* b, T* c) {
  if (axis == m.batch.size()) return multiply(m, a, b, c);
  for (std::int64_t i = 0; i < m.batch[axis]; ++i) {
    multiply_batch(m, axis + 1, a + i * m.a.batch[axis], b + i * m.b.batch[axis], c + i * m.c.batch[axis]);
  }
}

}  // namespace

MatrixView dense_view(const std::vector<std::int64_t>& batch, std::int64_t rows, std::int64_t columns,
                      bool transposed) {
  MatrixView view{transposed ? 1 : columns, transposed ? columns : 1, std::vector<std::int64_t>(batch.size())};
  std::int64_t stride = rows * columns;
  for (std::size_t axis = batch.size(); axis-- > 0;) {
    view.batch[axis] = stride;
    stride *= batch[axis];
  }
  return view;
}

Kernel matmul_kernel(const OpCall& call, Matmul matmul, int a_index, int b_index, int c_index) {
  auto form = std::make_shared<KernelForm>(KernelForm{ProductForm{matmul, a_index, b_index, c_index}});
  return dispatch_float(call.dtype_out(), call.node.op_name(), [&]<class T>() {
    const std::size_t bytes = static_cast<std::size_t>(call.shape_out().elements()) * sizeof(T);
    return Kernel{[m = std::move(matmul), a_index, b_index, c_index, bytes](const Operands& operands) {
                    if (m.beta != 0) std::memcpy(operands.out<T>(), operands.in<T>(c_index), bytes);
                    multiply_batch(m, 0, operands.in<T>(a_index) + m.a.offset, operands.in<T>(b_index) + m.b.offset,
                                   operands.out<T>() + m.c.offset);
                  },
                  0, std::move(form)};
  });
}

}  // namespace tenon
