#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/reorder.h"
#include "backends/cpu/kernels/share.h"
#include "backends/cpu/onednn.h"

namespace tenon::cpu {
namespace {

Kernel reorder(const TensorType& type, MemoryFormat from, MemoryFormat to) {
  const bool known = (from == kBlocked && to.row_major()) || (from.row_major() && to == kBlocked);
  if (!known || machine_isa() == Isa::none) return onednn::reorder(type, from, to);
  const Shape& shape = type.shape;
  const ReorderProblem problem{shape[0], shape[1], shape.elements(2, shape.rank()), to == kBlocked};
  return {[problem](const Operands& operands) {
    const auto copy = machine_isa() == Isa::avx512 ? avx512::reorder : avx2::reorder;
#pragma omp parallel if (problem.blocks() * problem.inner * 16 >= kWorthWaking)
    {
      const Share share = share_of(problem.blocks());
      copy(problem, operands.in<float>(0), operands.out<float>(), share.first, share.last);
    }
  }};
}

}  // namespace

Backend accelerated_backend() {
  Backend backend = plain_backend();
  backend.name = "cpu";
  backend.reorder = reorder;
  backend.reorder_name = "tenon:reorder";
  backend.identity = fmt::format("{} kernels, oneDNN {}.{}.{}", machine_isa() == Isa::avx512 ? "avx512" : "avx2",
                                 DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
  std::vector<Implementation> own;
  for (const auto family :
       {engine_convolution_implementations, engine_pooling_implementations, engine_matmul_implementations,
        engine_pointwise_implementations, engine_line_implementations, engine_copy_implementations,
        engine_product_implementations, engine_recurrent_implementations}) {
    for (Implementation& implementation : family()) own.push_back(std::move(implementation));
  }
  backend.implementations.insert(backend.implementations.begin(), own.begin(), own.end());
  return backend;
}

}  // namespace tenon::cpu
