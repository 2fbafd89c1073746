#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/error.h>
#include <tenon/executor.h>

#include "backends/cuda/codegen/compiler.h"
#include "fake_driver.h"
#include "graph/graph.h"
#include "ops/registry.h"
#include "support/evaluate.h"

namespace tenon {

inline constexpr int kIllegalAddress = 700, kOutOfAnyOrder = 999;  // CUDA_ERROR_ILLEGAL_ADDRESS, CUDA_ERROR_UNKNOWN

/// Skips where kernels cannot be compiled; what is compiled is kept in a folder of this process.
class FakeCuda : public testing::Test {
 protected:
  FakeCuda() : cache_(std::filesystem::temp_directory_path() / ("tenon-fake-cuda-" + std::to_string(getpid()))) {
    setenv("XDG_CACHE_HOME", cache_.c_str(), 1);
    setenv("TENON_LOG", "warning", 1);  // read once, when something is first logged
  }
  ~FakeCuda() override { std::filesystem::remove_all(cache_); }
  void SetUp() override {
    if (!cuda::compiler_available()) GTEST_SKIP() << "skipped: there is no NVRTC";
  }

 private:
  std::filesystem::path cache_;
};

inline constexpr const char* kSum = "%data = variable\n%s = sum(%data) {axis=(1,)}\n%y = exp(%s)\nreturn %y\n";

inline Model model_of(std::string_view text, Parameters parameters = {}) {
  return Model(parse_graph(text, ops()), std::move(parameters));
}

inline BindOptions on(int ordinal, Shape shape, std::string backend = "plain") {
  BindOptions options;
  options.device = {Device::Kind::cuda, ordinal};
  options.backend = std::move(backend);
  options.shapes = {{"data", std::move(shape)}};
  return options;
}

inline float first(const Executor& executor) {
  return executor.output(0).data<float>()[0];
}

inline std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace tenon
