#pragma once

#include <memory>
#include <optional>

#include <cublasLt.h>

#include "backends/cuda/runtime/device.h"
#include "core/call_site.h"
#include "graph/op.h"

namespace tenon::cuda {

#define TENON_BLAS_FUNCTIONS(X)       \
  X(cublasLtGetVersion)               \
  X(cublasLtGetStatusString)          \
  X(cublasLtCreate)                   \
  X(cublasLtMatmul)                   \
  X(cublasLtMatmulAlgoGetHeuristic)   \
  X(cublasLtMatmulDescCreate)         \
  X(cublasLtMatmulDescDestroy)        \
  X(cublasLtMatmulDescSetAttribute)   \
  X(cublasLtMatrixLayoutCreate)       \
  X(cublasLtMatrixLayoutDestroy)      \
  X(cublasLtMatrixLayoutSetAttribute) \
  X(cublasLtMatmulPreferenceCreate)   \
  X(cublasLtMatmulPreferenceDestroy)  \
  X(cublasLtMatmulPreferenceSetAttribute)

/// cuBLASLt, opened at run time.
struct Blas {
  Library library{{"libcublasLt.so.13", "libcublasLt.so.12"}};
#define TENON_MEMBER(function) decltype(&::function) function = nullptr;
  TENON_BLAS_FUNCTIONS(TENON_MEMBER)
#undef TENON_MEMBER

  Blas();
  bool usable() const {
    return library.is_open() && library.problem().empty();
  }
};

const Blas& blas();
void check(cublasStatus_t status, CallSite where = CallSite::current());

/// C = alpha A op(B) + beta C over row-major matrices, a batch of them with one stride each.
struct BlasProduct {
  DType dtype = DType::float32;
  std::int64_t rows = 0, inner = 0, columns = 0;
  struct Side {
    std::int64_t leading = 0;  ///< elements from row to row as it lies
    bool transposed = false;   ///< it lies with rows and columns exchanged
    std::int64_t batch_stride = 0;
  };
  Side a, b, c;
  std::int64_t batch = 1;
  double alpha = 1, beta = 0;
  bool bias = false;             ///< a number a column, added to C
  std::uint32_t alignment = 16;  ///< of the operands' addresses, in bytes
};

/// Runs on device pointers a, b, c and, where the product has one, a bias.
struct BlasKernel {
  std::function<void(void* stream, const void* a, const void* b, void* c, const void* bias, void* workspace)> run;
  std::size_t workspace_bytes = 0;
};

/// Empty where cuBLASLt has no way to do it. True precision: TF32 is not used.
std::optional<BlasKernel> blas_kernel(GpuDevice& device, const BlasProduct& product);

}  // namespace tenon::cuda
