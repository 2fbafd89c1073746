// NVRTC by its C interface, which is small enough to be declared here: Tenon is built without any header of CUDA.

#include "backends/cuda/codegen/compiler.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "backends/cuda/library.h"
#include "core/error.h"

namespace tenon::cuda {
namespace {

struct ProgramHandle;

/// The functions used, as nvrtc.h declares them. A result is 0 for success.
struct Nvrtc {
  Library library{{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"}};
  int (*version)(int* major, int* minor) = nullptr;
  int (*create)(ProgramHandle**, const char* source, const char* name, int headers, const char* const*,
                const char* const*) = nullptr;
  int (*destroy)(ProgramHandle**) = nullptr;
  int (*compile)(ProgramHandle*, int options, const char* const*) = nullptr;
  int (*cubin_size)(ProgramHandle*, std::size_t*) = nullptr;
  int (*cubin)(ProgramHandle*, char*) = nullptr;
  int (*log_size)(ProgramHandle*, std::size_t*) = nullptr;
  int (*log)(ProgramHandle*, char*) = nullptr;
  const char* (*error_string)(int) = nullptr;

  Nvrtc() {
    library.load(version, "nvrtcVersion");
    library.load(create, "nvrtcCreateProgram");
    library.load(destroy, "nvrtcDestroyProgram");
    library.load(compile, "nvrtcCompileProgram");
    library.load(cubin_size, "nvrtcGetCUBINSize");
    library.load(cubin, "nvrtcGetCUBIN");
    library.load(log_size, "nvrtcGetProgramLogSize");
    library.load(log, "nvrtcGetProgramLog");
    library.load(error_string, "nvrtcGetErrorString");
  }
  bool usable() const { return library.is_open() && library.problem().empty(); }
};

const Nvrtc& nvrtc() {
  static const Nvrtc opened;
  return opened;
}

std::string log_of(const Nvrtc& library, ProgramHandle* program) {
  std::size_t size = 0;
  if (library.log_size(program, &size) != 0 || size <= 1) return {};
  std::string text(size, '\0');
  library.log(program, text.data());
  text.resize(size - 1);
  return text;
}

template <class T>
T read(const std::vector<std::byte>& bytes, std::size_t at) {
  T value{};
  if (at + sizeof(T) > bytes.size()) fail(ErrorCode::internal, "a compiled kernel ends within its headers");
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

std::string_view string_at(const std::vector<std::byte>& bytes, std::size_t at) {
  if (at >= bytes.size()) fail(ErrorCode::internal, "a compiled kernel names what lies behind its end");
  const char* text = reinterpret_cast<const char*>(bytes.data()) + at;
  return {text, strnlen(text, bytes.size() - at)};
}

}  // namespace

bool compiler_available() {
  return nvrtc().usable();
}

std::string compiler_missing() {
  return compiler_available() ? "" : "libnvrtc.so.13, libnvrtc.so.12 (CUDA's runtime compiler)";
}

CompilerInfo compiler_info() {
  int major = 0, minor = 0;
  if (nvrtc().usable()) nvrtc().version(&major, &minor);
  return {nvrtc().library.file(), fmt::format("{}.{}", major, minor), nvrtc().library.problem()};
}

CompiledKernel compile_kernel(const std::string& source, int architecture) {
  if (!compiler_available()) {
    fail(ErrorCode::unsupported, "kernels cannot be compiled: {} is not there", compiler_missing());
  }
  const Nvrtc& library = nvrtc();
  ProgramHandle* handle = nullptr;
  if (const int status = library.create(&handle, source.c_str(), "tenon.cu", 0, nullptr, nullptr); status != 0) {
    fail(ErrorCode::internal, "nvrtcCreateProgram: {}", library.error_string(status));
  }
  const auto destroy = [&](ProgramHandle* program) { library.destroy(&program); };
  const std::unique_ptr<ProgramHandle, decltype(destroy)> program(handle, destroy);
  const std::string arch = fmt::format("--gpu-architecture=sm_{}{}", architecture, architecture == 90 ? "a" : "");
  const std::array options = {arch.c_str(), "--std=c++17", "--diag-suppress=177"};
  const int status = library.compile(program.get(), static_cast<int>(options.size()), options.data());
  CompiledKernel kernel;
  kernel.log = log_of(library, program.get());
  if (status != 0) fail(ErrorCode::internal, "a generated kernel does not compile:\n{}", kernel.log);
  std::size_t size = 0;
  library.cubin_size(program.get(), &size);
  kernel.cubin.resize(size);
  library.cubin(program.get(), reinterpret_cast<char*>(kernel.cubin.data()));
  return kernel;
}

// The binary is an ELF file. ".nv.info" lists, by symbol, what functions take: entries of (format, attribute, size),
// then (symbol, value): attribute 0x2f is registers, 0x11 the frame. For older processors the registers stand in the
// upper byte of the info of the section ".text.<entry>".
KernelBudget budget_of(const std::vector<std::byte>& cubin, const std::string& entry) {
  constexpr std::size_t kSectionHeader = 64;
  const auto sections = static_cast<std::size_t>(read<std::uint64_t>(cubin, 40));
  const std::size_t count = read<std::uint16_t>(cubin, 60), names = read<std::uint16_t>(cubin, 62);
  const auto names_at = static_cast<std::size_t>(read<std::uint64_t>(cubin, sections + names * kSectionHeader + 24));
  KernelBudget budget;
  bool found = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t header = sections + i * kSectionHeader;
    const std::string_view section = string_at(cubin, names_at + read<std::uint32_t>(cubin, header));
    const auto size = static_cast<std::size_t>(read<std::uint64_t>(cubin, header + 32));
    const auto at = static_cast<std::size_t>(read<std::uint64_t>(cubin, header + 24));
    if (section == ".text." + entry) {
      budget.registers = std::max(budget.registers, static_cast<int>(read<std::uint32_t>(cubin, header + 44) >> 24));
      found = true;
    } else if (section == ".nv.shared." + entry) {
      budget.static_shared = static_cast<int>(size);
    } else if (section == ".nv.info") {
      for (std::size_t k = at; k + 12 <= at + size;) {
        const auto format = read<std::uint8_t>(cubin, k), attribute = read<std::uint8_t>(cubin, k + 1);
        if (format != 4) {
          k += 4;
          continue;
        }
        const auto value = static_cast<int>(read<std::uint32_t>(cubin, k + 8));
        if (attribute == 0x11) budget.stack = std::max(budget.stack, value);
        if (attribute == 0x2f) budget.registers = std::max(budget.registers, value);
        k += 4 + read<std::uint16_t>(cubin, k + 2);
      }
    }
  }
  if (!found) fail(ErrorCode::internal, "a compiled kernel has no entry {}", entry);
  return budget;
}

}  // namespace tenon::cuda
