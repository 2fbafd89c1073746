#pragma once

#include <memory>

#include <cudnn.h>

#include "backends/cuda/runtime/device.h"
#include "core/call_site.h"

namespace tenon::cuda {

#define TENON_CUDNN_FUNCTIONS(X)               \
  X(cudnnGetVersion)                           \
  X(cudnnGetErrorString)                       \
  X(cudnnCreate)                               \
  X(cudnnDestroy)                              \
  X(cudnnSetStream)                            \
  X(cudnnCreateTensorDescriptor)               \
  X(cudnnSetTensorNdDescriptor)                \
  X(cudnnDestroyTensorDescriptor)              \
  X(cudnnCreateFilterDescriptor)               \
  X(cudnnSetFilterNdDescriptor)                \
  X(cudnnDestroyFilterDescriptor)              \
  X(cudnnCreateConvolutionDescriptor)          \
  X(cudnnSetConvolutionNdDescriptor)           \
  X(cudnnSetConvolutionMathType)               \
  X(cudnnSetConvolutionGroupCount)             \
  X(cudnnDestroyConvolutionDescriptor)         \
  X(cudnnFindConvolutionForwardAlgorithm)      \
  X(cudnnConvolutionForward)                   \
  X(cudnnFindConvolutionBackwardDataAlgorithm) \
  X(cudnnConvolutionBackwardData)              \
  X(cudnnGetLastErrorString)                   \
  X(cudnnBackendCreateDescriptor)              \
  X(cudnnBackendDestroyDescriptor)             \
  X(cudnnBackendSetAttribute)                  \
  X(cudnnBackendGetAttribute)                  \
  X(cudnnBackendFinalize)                      \
  X(cudnnBackendExecute)

/// cuDNN, opened at run time.
struct Cudnn {
  Library library{{"libcudnn.so.9"}};
#define TENON_MEMBER(function) decltype(&::function) function = nullptr;
  TENON_CUDNN_FUNCTIONS(TENON_MEMBER)
#undef TENON_MEMBER

  Cudnn();
  bool usable() const {
    return library.is_open() && library.problem().empty();
  }
};

const Cudnn& cudnn();
/// Turns a status into an Error.
void check(cudnnStatus_t status, CallSite where = CallSite::current());

/// The calling thread's handle on the device, bound to the stream.
cudnnHandle_t cudnn_handle(const GpuDevice& device, void* stream);

/// Descriptors, freed by their own functions.
using TensorDescriptor = std::shared_ptr<cudnnTensorStruct>;
using FilterDescriptor = std::shared_ptr<cudnnFilterStruct>;
using ConvolutionDescriptor = std::shared_ptr<cudnnConvolutionStruct>;
TensorDescriptor make_tensor_descriptor();
FilterDescriptor make_filter_descriptor();
ConvolutionDescriptor make_convolution_descriptor();

}  // namespace tenon::cuda
