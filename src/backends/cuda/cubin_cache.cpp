#include "backends/cuda/cubin_cache.h"

#include <cstring>

#include <fmt/format.h>

#include "backends/cuda/codegen/compiler.h"
#include "core/file_cache.h"

namespace tenon::cuda {

std::vector<std::byte> cached_cubin(const std::string& source, int architecture) {
  static const FileCache cache = FileCache::named("cubin");
  const std::string key = fmt::format("NVRTC {}, {}\n{}", compiler_info().version, architecture, source);
  if (const auto kept = cache.find(key)) {
    std::vector<std::byte> cubin(kept->size());
    std::memcpy(cubin.data(), kept->data(), kept->size());
    return cubin;
  }
  CompiledKernel compiled = compile_kernel(source, architecture);
  cache.keep(key, {reinterpret_cast<const char*>(compiled.cubin.data()), compiled.cubin.size()});
  return std::move(compiled.cubin);
}

}  // namespace tenon::cuda
