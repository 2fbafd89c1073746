#include "backends/cpu/kernels/matmul.h"

#include <algorithm>

#include "core/half.h"

namespace tenon::cpu {
namespace {

template <class Element>
void pack(const MatmulProblem& problem, const float* weight, std::int64_t column_stride, std::int64_t inner_stride,
          Element* packed, std::int64_t panel) {
  for (std::int64_t i = 0; i < problem.inner; ++i) {
    Element* to = packed + (panel * problem.inner + i) * kPanel;
    for (std::int64_t lane = 0; lane < kPanel; ++lane) {
      const std::int64_t column = panel * kPanel + lane;
      to[lane] = store<Element>(column < problem.columns ? weight[column * column_stride + i * inner_stride] : 0.0f);
    }
  }
}

}  // namespace

void pack_matmul_weight(const MatmulProblem& problem, const float* weight, std::int64_t column_stride,
                        std::int64_t inner_stride, void* packed, std::int64_t first, std::int64_t last) {
  for (std::int64_t panel = first; panel < last; ++panel) {
    if (problem.narrow_weight) {
      pack(problem, weight, column_stride, inner_stride, static_cast<bfloat16*>(packed), panel);
    } else {
      pack(problem, weight, column_stride, inner_stride, static_cast<float*>(packed), panel);
    }
  }
}

}  // namespace tenon::cpu
