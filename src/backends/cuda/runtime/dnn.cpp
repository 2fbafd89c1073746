#include "backends/cuda/runtime/dnn.h"

#include <map>

#include "core/error.h"

namespace tenon::cuda {
namespace {

/// A thread's handles, by device. They end with the process: threads come and go while kernels run.
struct Handles {
  std::map<int, cudnnHandle_t> by_device;
};

}  // namespace

Cudnn::Cudnn() {
#define TENON_LOAD(function) library.load(function, #function);
  TENON_CUDNN_FUNCTIONS(TENON_LOAD)
#undef TENON_LOAD
}

const Cudnn& cudnn() {
  static const Cudnn instance;
  return instance;
}

void check(cudnnStatus_t status, CallSite where) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  // An asynchronous fault comes out here first as often as anywhere.
  check(driver().cuCtxSynchronize(), where);
  fail(ErrorCode::internal, "cuDNN failed: {}, in {}", cudnn().cudnnGetErrorString(status), where.function);
}

cudnnHandle_t cudnn_handle(const GpuDevice& device, void* stream) {
  thread_local Handles handles;
  cudnnHandle_t& handle = handles.by_device[device.ordinal()];
  if (handle == nullptr) {
    device.make_current();
    check(cudnn().cudnnCreate(&handle));
  }
  check(cudnn().cudnnSetStream(handle, static_cast<cudaStream_t>(stream)));
  return handle;
}

TensorDescriptor make_tensor_descriptor() {
  cudnnTensorDescriptor_t descriptor = nullptr;
  check(cudnn().cudnnCreateTensorDescriptor(&descriptor));
  return {descriptor, cudnn().cudnnDestroyTensorDescriptor};
}

FilterDescriptor make_filter_descriptor() {
  cudnnFilterDescriptor_t descriptor = nullptr;
  check(cudnn().cudnnCreateFilterDescriptor(&descriptor));
  return {descriptor, cudnn().cudnnDestroyFilterDescriptor};
}

ConvolutionDescriptor make_convolution_descriptor() {
  cudnnConvolutionDescriptor_t descriptor = nullptr;
  check(cudnn().cudnnCreateConvolutionDescriptor(&descriptor));
  return {descriptor, cudnn().cudnnDestroyConvolutionDescriptor};
}

}  // namespace tenon::cuda
