#include "backends/cuda/runtime/driver.h"

#include "backends/cuda/runtime/device.h"
#include "core/error.h"

namespace tenon::cuda {
namespace {

/// The file's name without the folders it was compiled in.
std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

struct Loaded {
  Driver driver;
  std::string problem;
};

const Loaded& loaded() {
  static const Loaded instance = [] {
    Loaded result;
    const Driver& driver = result.driver;
    if (!driver.library.is_open()) {
      result.problem = fmt::format("there is no CUDA driver here ({})", driver.library.problem());
    } else if (!driver.library.problem().empty()) {
      result.problem = driver.library.problem();
    } else if (const CUresult status = driver.cuInit(0); status != CUDA_SUCCESS) {
      const char* sentence = nullptr;
      driver.cuGetErrorString(status, &sentence);
      result.problem = fmt::format("the CUDA driver {} does not start: {}", driver.library.file(),
                                   sentence == nullptr ? "unknown error" : sentence);
    }
    return result;
  }();
  return instance;
}

}  // namespace

Driver::Driver() {
#define TENON_NAME(function) #function
#define TENON_LOAD(function) library.load(function, TENON_NAME(function));
  TENON_DRIVER_FUNCTIONS(TENON_LOAD)
#undef TENON_LOAD
#undef TENON_NAME
}

const Driver* find_driver(std::string* problem) {
  if (!loaded().problem.empty()) {
    *problem = loaded().problem;
    return nullptr;
  }
  return &loaded().driver;
}

const Driver& driver() {
  std::string problem;
  const Driver* found = find_driver(&problem);
  if (found == nullptr) fail(ErrorCode::unsupported, "{}", problem);
  return *found;
}

std::string describe(CUresult status) {
  const char *name = nullptr, *sentence = nullptr;
  driver().cuGetErrorName(status, &name);
  driver().cuGetErrorString(status, &sentence);
  return fmt::format("{} ({})", name == nullptr ? "unknown status" : name, sentence == nullptr ? "" : sentence);
}

void check(CUresult status, CallSite where) {
  if (status == CUDA_SUCCESS) return;
  const std::string sentence = fmt::format("CUDA failed: {}, in {} of {}:{}", describe(status), where.function,
                                           base_name(where.file), where.line);
  if (is_sticky(status)) poison_current_device(sentence);
  throw Error(status == CUDA_ERROR_OUT_OF_MEMORY ? ErrorCode::out_of_memory : ErrorCode::internal, sentence);
}

}  // namespace tenon::cuda
