#include "core/env.h"

#include <cstdlib>

namespace tenon::env {
namespace {

std::optional<std::string> read(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return {};
  return value;
}

}  // namespace

std::optional<std::string> log() {
  return read("TENON_LOG");
}
std::optional<std::string> mxnet_home() {
  return read("MXNET_HOME");
}
std::optional<std::string> tune() {
  return read("TENON_TUNE");
}
std::optional<std::string> cuda_mma() {
  return read("TENON_CUDA_MMA");
}
std::optional<std::string> cuda_candidates() {
  return read("TENON_CUDA_CANDIDATES");
}
std::optional<std::string> cache_home() {
  return read("XDG_CACHE_HOME");
}
std::optional<std::string> home() {
  return read("HOME");
}

}  // namespace tenon::env
