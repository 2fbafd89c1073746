// NVRTC that compiles kernels for the host: the "cubin" is a shared library, which the fake driver opens. It knows the
// plain executor's kernels and those of the engine whose only instructions of a GPU are conversions and loads; texts
// with others, such as the tensor cores', do not compile.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <utility>

#include <unistd.h>

namespace {

namespace fs = std::filesystem;

struct Program {
  std::string source, binary, log;
};

constexpr int kCompilationFailed = 6;  // NVRTC_ERROR_COMPILATION
int compilations = 0;

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Functions of the engine's prelude that are instructions of a GPU: how they begin, and their bodies here.
constexpr std::array<std::pair<const char*, const char*>, 6> kInstructions = {{
    {"TENON_DEVICE float round_tf32(float x) {",
     "const u32 bits = __float_as_uint(x);\n"
     "  return (bits & 0x7f800000u) == 0x7f800000u ? x : __uint_as_float((bits + 0x1000u) & ~0x1fffu);"},
    {"TENON_DEVICE u32 pack16(float a, float b) {",
     "const auto bits = [](float x) -> u32 { return kStorage == Storage::bf16 ? bf16_of_float(x) : f16_of_float(x); "
     "};\n"
     "  return bits(a) | bits(b) << 16;"},
    {"TENON_DEVICE Pair unpack16(u32 bits) {",
     "if (kStorage == Storage::bf16) return {__uint_as_float(bits << 16), __uint_as_float(bits & 0xffff0000u)};\n"
     "  return {float_of_f16(static_cast<u16>(bits)), float_of_f16(static_cast<u16>(bits >> 16))};"},
    {"TENON_DEVICE uint4 load_unit(const void* base, int unit) {", "return static_cast<const uint4*>(base)[unit];"},
    {"TENON_DEVICE float max_nan(float a, float b) {", "return a != a || a > b ? a : b;"},
    {"TENON_DEVICE float min_nan(float a, float b) {", "return a != a || a < b ? a : b;"},
}};

/// A text of the engine: the bodies of those functions replaced, each up to the brace that closes it.
void replace_instructions(std::string& source) {
  for (const auto& [begin, body] : kInstructions) {
    const std::size_t at = source.find(begin), end = source.find("\n}\n", at);
    if (at == std::string::npos || end == std::string::npos) continue;
    source.replace(at, end - at, std::string(begin) + "\n  " + body);
  }
}

/// The kernel as C++ of the host.
std::string host_source(std::string source) {
  const std::array<std::pair<const char*, const char*>, 3> conversions = {{
      {R"(asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));)", "y = float_of_f16(x.bits);"},
      {R"(asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(static_cast<float>(x)));)",
       "y.bits = f16_of_float(static_cast<float>(x));"},
      {R"(asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(static_cast<float>(x)));)",
       "y.bits = bf16_of_float(static_cast<float>(x));"},
  }};
  for (const auto& [from, to] : conversions) replace_all(source, from, to);
  const bool of_engine = source.find("#define TENON_DEVICE") != std::string::npos;
  if (of_engine) replace_instructions(source);
  source = std::regex_replace(source, std::regex(R"(__launch_bounds__\([^)]*\)\s*)"), "");
  const bool synchronizes =
      source.find("__syncthreads()") != std::string::npos || source.find("__shfl_xor_sync(") != std::string::npos;
  std::string result = synchronizes ? "#define TENON_KERNEL_SYNCHRONIZES\n" : "";
  result += "#include \"kernel_shim.h\"\n";
  if (of_engine) result += "#include \"engine_shim.h\"\n";
  result += source;
  const std::regex kernel(R"re(extern "C" __global__ void (\w+)\()re");
  for (std::sregex_iterator found(source.begin(), source.end(), kernel), end; found != end; ++found) {
    const std::string name = (*found)[1];
    result += "extern \"C\" EmulatedLaunch* " + name + "_prepare(void** arguments) { return emulated::prepare(" + name +
              ", arguments); }\n";
  }
  return result;
}

}  // namespace

extern "C" {

/// How often something was compiled.
int fake_nvrtc_compilations() {
  return compilations;
}

int nvrtcVersion(int* major, int* minor) {
  *major = 0;  // of no real NVRTC: caches keep them apart
  *minor = 1;
  return 0;
}
int nvrtcCreateProgram(Program** program, const char* source, const char*, int, const char* const*,
                       const char* const*) {
  *program = new Program{source, "", ""};
  return 0;
}
int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return 0;
}
int nvrtcCompileProgram(Program* program, int, const char* const*) {
  ++compilations;
  std::string folder = (fs::temp_directory_path() / "tenon-fake-nvrtc-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return kCompilationFailed;
  std::ofstream(folder + "/kernel.cpp") << host_source(program->source);
  const std::string command = std::string(COMPILER) +
                              " -std=c++20 -O1 -w -shared -fPIC -fno-gnu-unique -ffp-contract=off " + INCLUDES +
                              " -o " + folder + "/kernel.so " + folder + "/kernel.cpp 2> " + folder + "/log";
  const int status = std::system(command.c_str());
  program->log = content(folder + "/log");
  program->binary = status == 0 ? content(folder + "/kernel.so") : "";
  fs::remove_all(folder);
  return status == 0 ? 0 : kCompilationFailed;
}
int nvrtcGetCUBINSize(Program* program, std::size_t* size) {
  *size = program->binary.size();
  return 0;
}
int nvrtcGetCUBIN(Program* program, char* cubin) {
  program->binary.copy(cubin, program->binary.size());
  return 0;
}
int nvrtcGetProgramLogSize(Program* program, std::size_t* size) {
  *size = program->log.size() + 1;
  return 0;
}
int nvrtcGetProgramLog(Program* program, char* log) {
  program->log.copy(log, program->log.size());
  log[program->log.size()] = '\0';
  return 0;
}
const char* nvrtcGetErrorString(int) {
  return "as the fake NVRTC says";
}
}
