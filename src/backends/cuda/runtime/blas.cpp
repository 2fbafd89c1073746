#include "backends/cuda/runtime/blas.h"

#include <array>
#include <map>
#include <mutex>

#include "core/error.h"
#include "engine/kernel_binaries.h"

namespace tenon::cuda {
namespace {

constexpr std::size_t kWorkspace = std::size_t{4} << 20;
constexpr std::size_t kWorkspaceAlignment = 256;  // cuBLASLt's; an arena's places have 64

cudaDataType_t data_type(DType dtype) {
  return dtype == DType::float16    ? CUDA_R_16F
         : dtype == DType::bfloat16 ? CUDA_R_16BF
         : dtype == DType::float64  ? CUDA_R_64F
                                    : CUDA_R_32F;
}

/// One a device: cuBLASLt's handles may be shared by threads.
cublasLtHandle_t handle_of(const GpuDevice& device) {
  static std::mutex mutex;
  static std::map<int, cublasLtHandle_t> handles;
  const std::scoped_lock lock(mutex);
  cublasLtHandle_t& handle = handles[device.ordinal()];
  if (handle == nullptr) {
    device.make_current();
    check(blas().cublasLtCreate(&handle));
  }
  return handle;
}

using Layout = std::shared_ptr<cublasLtMatrixLayoutOpaque_t>;
using Operation = std::shared_ptr<cublasLtMatmulDescOpaque_t>;

template <class T>
void set(const Operation& operation, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  check(blas().cublasLtMatmulDescSetAttribute(operation.get(), attribute, &value, sizeof value));
}

// cuBLASLt counts by columns: a row-major matrix is to it the transposed one. So it is asked for C' = B' A'.
Layout layout_of(const BlasProduct& product, const BlasProduct::Side& side, std::int64_t rows, std::int64_t columns) {
  cublasLtMatrixLayout_t created = nullptr;
  const std::int64_t lying_rows = side.transposed ? columns : rows, lying_columns = side.transposed ? rows : columns;
  check(blas().cublasLtMatrixLayoutCreate(&created, data_type(product.dtype), static_cast<std::uint64_t>(lying_columns),
                                          static_cast<std::uint64_t>(lying_rows), side.leading));
  Layout layout(created, blas().cublasLtMatrixLayoutDestroy);
  const auto batch = static_cast<std::int32_t>(product.batch);
  check(blas().cublasLtMatrixLayoutSetAttribute(created, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch));
  check(blas().cublasLtMatrixLayoutSetAttribute(created, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                                &side.batch_stride, sizeof side.batch_stride));
  return layout;
}

Operation operation_of(const BlasProduct& product) {
  const bool is_double = product.dtype == DType::float64;
  cublasLtMatmulDesc_t created = nullptr;
  check(blas().cublasLtMatmulDescCreate(&created, is_double ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                                        is_double ? CUDA_R_64F : CUDA_R_32F));
  Operation operation(created, blas().cublasLtMatmulDescDestroy);
  set(operation, CUBLASLT_MATMUL_DESC_TRANSA, product.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(operation, CUBLASLT_MATMUL_DESC_TRANSB, product.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (product.bias) set(operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  return operation;
}

BlasKernel kernel_by(cublasLtHandle_t handle, const BlasProduct& product, const Operation& operation, const Layout& a,
                     const Layout& b, const Layout& c, const cublasLtMatmulHeuristicResult_t& result) {
  BlasKernel kernel;
  kernel.workspace_bytes = result.workspaceSize == 0 ? 0 : result.workspaceSize + kWorkspaceAlignment;
  kernel.run = [=, algorithm = result.algo, bytes = result.workspaceSize](void* stream, const void* a_data,
                                                                          const void* b_data, void* c_data,
                                                                          const void* bias, void* workspace) {
    auto* aligned = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(workspace) + kWorkspaceAlignment - 1) /
                                            kWorkspaceAlignment * kWorkspaceAlignment);
    // The bias is part of the description, which threads share: a copy each.
    cublasLtMatmulDescOpaque_t own = *operation;
    if (product.bias) {
      check(blas().cublasLtMatmulDescSetAttribute(&own, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
    }
    const double alpha64 = product.alpha, beta64 = product.beta;
    const auto alpha32 = static_cast<float>(alpha64), beta32 = static_cast<float>(beta64);
    const bool is_double = product.dtype == DType::float64;
    check(blas().cublasLtMatmul(handle, &own, is_double ? static_cast<const void*>(&alpha64) : &alpha32, b_data,
                                b.get(), a_data, a.get(), is_double ? static_cast<const void*>(&beta64) : &beta32,
                                c_data, c.get(), c_data, c.get(), &algorithm, aligned, bytes,
                                static_cast<cudaStream_t>(stream)));
  };
  return kernel;
}

std::size_t bytes_of(const BlasProduct& product, const BlasProduct::Side& side, std::int64_t rows,
                     std::int64_t columns) {
  const std::int64_t lines = side.transposed ? columns : rows;
  return static_cast<std::size_t>((product.batch - 1) * side.batch_stride + lines * side.leading) *
             size_of(product.dtype) +
         product.alignment;
}

/// Whether the algorithm does what it offers: cuBLASLt proposes some that its own matmul refuses. Tried on memory that
/// is no better aligned than promised.
bool runs(GpuDevice& device, const BlasProduct& product, const BlasKernel& kernel) {
  const auto a = device.allocate(bytes_of(product, product.a, product.rows, product.inner));
  const auto b = device.allocate(bytes_of(product, product.b, product.inner, product.columns));
  const auto c = device.allocate(bytes_of(product, product.c, product.rows, product.columns));
  const auto bias = device.allocate(static_cast<std::size_t>(product.columns) * size_of(product.dtype) + 64);
  const auto workspace = device.allocate(kernel.workspace_bytes + 64);
  const std::uint32_t moved = product.alignment;
  try {
    kernel.run(nullptr, a.get() + moved, b.get() + moved, c.get() + moved, bias.get() + 64, workspace.get() + 64);
    check(driver().cuCtxSynchronize());
    return true;
  } catch (const Error&) {
    device.make_current();  // throws where the device is lost
    return false;
  }
}

}  // namespace

Blas::Blas() {
#define TENON_LOAD(function) library.load(function, #function);
  TENON_BLAS_FUNCTIONS(TENON_LOAD)
#undef TENON_LOAD
}

const Blas& blas() {
  static const Blas instance;
  return instance;
}

void check(cublasStatus_t status, CallSite where) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  check(driver().cuCtxSynchronize(), where);
  fail(ErrorCode::internal, "cuBLASLt failed: {}, in {}", blas().cublasLtGetStatusString(status), where.function);
}

std::optional<BlasKernel> blas_kernel(GpuDevice& device, const BlasProduct& product) {
  // Its heuristics choose, and other versions choose otherwise.
  if (KernelBinaries* plan = KernelScope::current()) {
    plan->depend_on("cuBLASLt", static_cast<std::int64_t>(blas().cublasLtGetVersion()));
  }
  const cublasLtHandle_t handle = handle_of(device);
  const Operation operation = operation_of(product);
  const Layout a = layout_of(product, product.a, product.rows, product.inner);
  const Layout b = layout_of(product, product.b, product.inner, product.columns);
  const Layout c = layout_of(product, product.c, product.rows, product.columns);
  cublasLtMatmulPreference_t created = nullptr;
  check(blas().cublasLtMatmulPreferenceCreate(&created));
  const std::shared_ptr<cublasLtMatmulPreferenceOpaque_t> preference(created, blas().cublasLtMatmulPreferenceDestroy);
  check(blas().cublasLtMatmulPreferenceSetAttribute(created, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspace,
                                                    sizeof kWorkspace));
  // Left alone it would count on 256 bytes, which places in an arena don't have.
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    check(
        blas().cublasLtMatmulPreferenceSetAttribute(created, attribute, &product.alignment, sizeof product.alignment));
  }
  std::array<cublasLtMatmulHeuristicResult_t, 8> results{};
  int found = 0;
  const cublasStatus_t status =
      blas().cublasLtMatmulAlgoGetHeuristic(handle, operation.get(), b.get(), a.get(), c.get(), c.get(), created,
                                            static_cast<int>(results.size()), results.data(), &found);
  if (status != CUBLAS_STATUS_SUCCESS) return {};
  for (int i = 0; i < found; ++i) {
    BlasKernel kernel = kernel_by(handle, product, operation, a, b, c, results[static_cast<std::size_t>(i)]);
    if (runs(device, product, kernel)) return kernel;
  }
  return {};
}

}  // namespace tenon::cuda
