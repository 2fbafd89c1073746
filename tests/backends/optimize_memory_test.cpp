// --optimize memory: what subgraphs compiled for the processor hold, beside what the model does.

#include <cmath>

#include <gtest/gtest.h>

#include <tenon/executor.h>

#include "core/error.h"

namespace tenon {
namespace {

std::size_t parameter_bytes(const Model& model) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : model.parameters()) bytes += value.bytes();
  return bytes;
}

/// On images of `size` by `size` pixels: the larger the maps, the larger the tiles of Winograd's forms.
Executor bound(const Model& model, const std::string& backend, const std::string& optimize, std::int64_t size = 64) {
  BindOptions options;
  options.shapes["data"] = Shape{1, 3, size, size};
  options.backend = backend;
  options.optimize = optimize;
  Executor executor = Executor::bind(model, options);
  Tensor data(Shape{1, 3, size, size}, DType::float32);
  for (std::int64_t i = 0; i < data.elements(); ++i) {
    data.mutable_data<float>()[i] = static_cast<float>(i * 7919 % 255) / 128 - 1;
  }
  executor.set_input("data", data);
  executor.forward();
  return executor;
}

TEST(OptimizeMemory, HoldsNoMoreThanTheModel) {
  const Model model = Model::zoo("resnet18_v2");
  const auto original = static_cast<double>(parameter_bytes(model));
  const Executor spared = bound(model, "cpu", "memory"), fast = bound(model, "cpu", "speed", 224);
  EXPECT_LE(static_cast<double>(spared.parameter_bytes()), 1.05 * original);
  EXPECT_GT(static_cast<double>(fast.parameter_bytes()), 1.5 * original);

  const Executor plain = bound(model, "plain", "speed");
  const Tensor expected = plain.output(0);
  double greatest = 0, error = 0;
  for (std::int64_t i = 0; i < expected.elements(); ++i) {
    const double value = expected.data<float>()[i];
    greatest = std::max(greatest, std::abs(value));
    error = std::max(error, std::abs(static_cast<double>(spared.output(0).data<float>()[i]) - value));
  }
  EXPECT_GT(greatest, 0);
  EXPECT_LE(error, 2e-5 * greatest);
}

TEST(OptimizeMemory, IsRefusedWhereNothingCanBeSpared) {
  const auto refusal = [](const std::string& backend, const std::string& optimize) -> std::string {
    try {
      bound(Model::zoo("squeezenet1.1"), backend, optimize);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal("plain", "memory"), "the backend 'plain' on cpu does not optimize memory; choose the backend cpu");
  EXPECT_EQ(refusal("cpu", "size"), "there is nothing called 'size' to optimize; choose speed or memory");
}

}  // namespace
}  // namespace tenon
