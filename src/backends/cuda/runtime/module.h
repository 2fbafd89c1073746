#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "backends/cuda/runtime/device.h"

namespace tenon::cuda {

/// A kernel on its device, ready to be launched.
class GpuFunction {
 public:
  /// Compiles `text` for the device (from the cache where it can), loads it and finds the function `name`. Once a text
  /// and device: callers may ask again.
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
