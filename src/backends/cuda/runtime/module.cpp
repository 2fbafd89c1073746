#include "backends/cuda/runtime/module.h"

#include <algorithm>

#include "backends/cuda/cubin_cache.h"

namespace tenon::cuda {

GpuFunction GpuFunction::get(const GpuDevice& device, const std::string& text, const std::string& name) {
  static std::mutex mutex;
  // Never unloaded: kernels of any program may be of it.
  static auto& modules = *new std::map<std::pair<int, std::string>, CUmodule>;
  const std::scoped_lock lock(mutex);
  device.make_current();
  CUmodule& module = modules[{device.ordinal(), text}];
  if (module == nullptr) {
    const std::vector<std::byte> cubin = cached_cubin(text, device.properties().architecture());
    check(driver().cuModuleLoadData(&module, cubin.data()));
  }
  GpuFunction function;
  check(driver().cuModuleGetFunction(&function.function_, module, name.c_str()));
  return function;
}

void GpuFunction::launch(void* stream, unsigned blocks, unsigned threads, void** arguments,
                         unsigned shared_bytes) const {
  check(driver().cuLaunchKernel(function_, blocks, 1, 1, threads, 1, 1, shared_bytes, static_cast<CUstream>(stream),
                                arguments, nullptr));
}

unsigned grid_size(std::int64_t items, std::int64_t each) {
  constexpr std::int64_t most = 1 << 16;
  return static_cast<unsigned>(std::clamp<std::int64_t>((items + each - 1) / each, 1, most));
}

}  // namespace tenon::cuda
