// In place of everything that needs the CUDA toolkit's headers, in a build without them.

#include "backends/cuda/cuda.h"
#include "core/error.h"

namespace tenon::cuda {
namespace {

constexpr const char* kSentence =
    "this build of Tenon has no CUDA: the toolkit's headers (cuda.h, cudnn.h, cublasLt.h) were not there when it was "
    "configured";

}  // namespace

Backend plain_backend(int ordinal) {
  fail(ErrorCode::unsupported, "the device cuda:{} cannot be used: {}", ordinal, kSentence);
}

Backend engine_backend(int ordinal) {
  return plain_backend(ordinal);
}

DeviceList list_devices() {
  return {{}, {{"CUDA", "", "", kSentence}}};
}

}  // namespace tenon::cuda
