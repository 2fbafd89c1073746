#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tenon::cuda {

/// What a compiled kernel takes of a processor, read from its binary.
struct KernelBudget {
  int registers = 0;      ///< a thread
  int static_shared = 0;  ///< bytes a block
  int stack = 0;          ///< bytes a thread: not zero where registers did not suffice
};

struct CompiledKernel {
  std::vector<std::byte> cubin;
  std::string log;  ///< what the compiler had to say
};

/// NVRTC, opened at run time. It needs no GPU.
bool compiler_available();
/// "" where it is there; else what was looked for.
std::string compiler_missing();

/// The file, its version ("13.0"), and why it cannot be used (empty where it can).
struct CompilerInfo {
  std::string file, version, problem;
};
CompilerInfo compiler_info();

/// Compiles for "sm_<architecture>" (90 means sm_90a). Throws Error(unsupported) without a compiler and Error(internal)
/// with its log where the text does not compile.
CompiledKernel compile_kernel(const std::string& source, int architecture);

/// The budget of the kernel `entry`. Throws Error(internal) for what is no such binary.
KernelBudget budget_of(const std::vector<std::byte>& cubin, const std::string& entry = "tenon_kernel");

}  // namespace tenon::cuda
