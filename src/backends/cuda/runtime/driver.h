#pragma once

#include <cuda.h>

#include "backends/cuda/library.h"
#include "core/call_site.h"

namespace tenon::cuda {

// The headers rename many functions to versions (cuMemAlloc is cuMemAlloc_v2): the lists below name members as the
// headers do, and the loader looks for what they are renamed to.
#define TENON_DRIVER_FUNCTIONS(X)                \
  X(cuInit)                                      \
  X(cuDriverGetVersion)                          \
  X(cuGetErrorName)                              \
  X(cuGetErrorString)                            \
  X(cuDeviceGetCount)                            \
  X(cuDeviceGet)                                 \
  X(cuDeviceGetName)                             \
  X(cuDeviceGetUuid)                             \
  X(cuDeviceGetAttribute)                        \
  X(cuDeviceTotalMem)                            \
  X(cuDevicePrimaryCtxRetain)                    \
  X(cuCtxSetCurrent)                             \
  X(cuCtxGetCurrent)                             \
  X(cuCtxSynchronize)                            \
  X(cuMemAlloc)                                  \
  X(cuMemFree)                                   \
  X(cuMemGetInfo)                                \
  X(cuPointerGetAttribute)                       \
  X(cuMemHostAlloc)                              \
  X(cuMemFreeHost)                               \
  X(cuMemcpyHtoDAsync)                           \
  X(cuMemcpyDtoHAsync)                           \
  X(cuMemcpyDtoDAsync)                           \
  X(cuMemcpy2DAsync)                             \
  X(cuMemsetD8Async)                             \
  X(cuMemsetD32Async)                            \
  X(cuStreamCreate)                              \
  X(cuStreamDestroy)                             \
  X(cuStreamSynchronize)                         \
  X(cuStreamQuery)                               \
  X(cuStreamWaitEvent)                           \
  X(cuStreamBeginCapture)                        \
  X(cuStreamEndCapture)                          \
  X(cuStreamIsCapturing)                         \
  X(cuThreadExchangeStreamCaptureMode)           \
  X(cuGraphInstantiateWithFlags)                 \
  X(cuGraphUpload)                               \
  X(cuGraphLaunch)                               \
  X(cuGraphExecDestroy)                          \
  X(cuGraphDestroy)                              \
  X(cuEventCreate)                               \
  X(cuEventRecord)                               \
  X(cuEventSynchronize)                          \
  X(cuEventElapsedTime)                          \
  X(cuEventDestroy)                              \
  X(cuLaunchHostFunc)                            \
  X(cuModuleLoadData)                            \
  X(cuModuleUnload)                              \
  X(cuModuleGetFunction)                         \
  X(cuModuleGetGlobal)                           \
  X(cuFuncGetAttribute)                          \
  X(cuFuncSetAttribute)                          \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor) \
  X(cuLaunchKernel)                              \
  X(cuLaunchKernelEx)                            \
  X(cuTensorMapEncodeTiled)

/// The driver, libcuda.so.1, as a table of functions.
struct Driver {
  Library library{{"libcuda.so.1"}};
#define TENON_MEMBER(function) decltype(&::function) function = nullptr;
  TENON_DRIVER_FUNCTIONS(TENON_MEMBER)
#undef TENON_MEMBER

  Driver();
};

/// The driver, initialised. Throws Error(unsupported) with the reason where there is none.
const Driver& driver();
/// The same without an exception: null, and why.
const Driver* find_driver(std::string* problem);

/// Turns a status into an Error that says what failed and where. A fault after which the device is lost to this process
/// is remembered as the cause of every failure to come (device.h).
void check(CUresult status, CallSite where = CallSite::current());

/// "CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
std::string describe(CUresult status);

}  // namespace tenon::cuda
