#include "backends/cuda/runtime/module.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "backends/cuda/cubin_cache.h"
#include "core/error.h"
#include "engine/kernel_binaries.h"

namespace tenon::cuda {
namespace {

Tensor compiled(const std::string& text, int architecture) {
  const auto code = std::make_shared<const std::vector<std::byte>>(cached_cubin(text, architecture));
  return Tensor::borrow_const(code->data(), Shape{static_cast<std::int64_t>(code->size())}, DType::uint8, code);
}

/// The driver is given an address and no size: what the headers say must lie within the file's bytes.
void require_whole(const Tensor& code) {
  Elf64_Ehdr header{};
  std::memcpy(&header, code.data(), std::min(code.bytes(), sizeof header));
  const auto within = [&](std::uint64_t at, std::uint64_t each, std::uint64_t count) {
    return at <= code.bytes() && each * count <= code.bytes() - at;
  };
  const bool whole = code.bytes() >= sizeof header && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                     within(header.e_shoff, header.e_shentsize, header.e_shnum) &&
                     within(header.e_phoff, header.e_phentsize, header.e_phnum);
  if (!whole) fail(ErrorCode::corrupt, "the {} bytes of a compiled kernel are no machine code", code.bytes());
}

/// What the programs that this thread builds are to have, or to keep, of this text; none where they keep nothing.
std::optional<Tensor> code_of_plan(const std::string& text, int architecture) {
  KernelBinaries* plan = KernelScope::current();
  if (plan == nullptr) return {};
  int version = 0;
  check(driver().cuDriverGetVersion(&version));
  // Every driver reads what was compiled for an older one.
  plan->depend_on("the CUDA driver", version, KernelBinaries::Match::same_or_newer);
  const std::string source = fmt::format("{}\n{}", architecture, text);
  const Hash hash = hash_of(source.data(), source.size());
  if (plan->from_file()) {
    require_whole(plan->code(hash));
  } else {
    plan->keep(hash, compiled(text, architecture));
  }
  return plan->code(hash);
}

}  // namespace

CUmodule module_of(const GpuDevice& device, const std::string& text, int architecture) {
  static std::mutex mutex;
  static auto& modules = *new std::map<std::pair<int, std::string>, CUmodule>;
  const std::pair key(device.ordinal(), text);
  std::optional<Tensor> code = code_of_plan(text, architecture);
  device.make_current();
  {
    const std::scoped_lock lock(mutex);
    if (const auto found = modules.find(key); found != modules.end()) return found->second;
  }
  if (!code) code = compiled(text, architecture);  // other threads may go on
  const std::scoped_lock lock(mutex);
  CUmodule& module = modules[key];
  if (module == nullptr) check(driver().cuModuleLoadData(&module, code->data()));
  return module;
}

GpuFunction GpuFunction::get(const GpuDevice& device, const std::string& text, const std::string& name) {
  GpuFunction function;
  CUmodule module = module_of(device, text, device.properties().architecture());
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
