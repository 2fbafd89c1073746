#pragma once

#include <string>

#include "backends/cuda/runtime/device.h"

namespace tenon::cuda {

/// The text compiled for the architecture and loaded, once a text and device, for good: kernels of any program may be
/// of it. Where the thread builds from a plan file (engine/kernel_binaries.h), the file has the code; else the cache on
/// disk or the compiler. Throws Error(unsupported) where the file's code is for a newer driver, and Error(corrupt)
/// where it is none.
CUmodule module_of(const GpuDevice& device, const std::string& text, int architecture);

/// A kernel on its device, ready to be launched.
class GpuFunction {
 public:
  /// Compiles and loads `text`, as module_of() does, and finds the function `name`. Callers may ask again.
  static GpuFunction get(const GpuDevice& device, const std::string& text, const std::string& name);

  /// Arguments are addresses of values, in order.
  void launch(void* stream, unsigned blocks, unsigned threads, void** arguments, unsigned shared_bytes = 0) const;

 private:
  CUfunction function_ = nullptr;
};

/// Launches with these arguments, each of the very type the kernel declares.
template <class... Args>
void launch(const GpuFunction& function, void* stream, unsigned blocks, unsigned threads, Args... args) {
  void* addresses[] = {&args...};
  function.launch(stream, blocks, threads, addresses);
}

/// Blocks for `items` pieces of work at `each` a block: enough for all, at most what keeps a GPU busy; kernels step on
/// by the whole grid.
unsigned grid_size(std::int64_t items, std::int64_t each);

}  // namespace tenon::cuda
