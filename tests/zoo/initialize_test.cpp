#include "zoo/initialize.h"

#include <gmock/gmock.h>

#include <cmath>

#include "graph/inference.h"
#include "zoo/zoo.h"

namespace tenon::zoo {
namespace {

Parameters parameters_of(std::string_view name, std::uint64_t seed) {
  Graph graph = build(name).graph;
  infer(graph, {{"data", {input_shape(name), DType::float32}}});
  return initialize(graph, seed);
}

struct Moments {
  double mean, deviation, largest;
};
Moments moments(const Tensor& tensor) {
  const float* data = tensor.data<float>();
  const auto count = static_cast<double>(tensor.elements());
  double sum = 0, squares = 0, largest = 0;
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    sum += data[i];
    squares += static_cast<double>(data[i]) * data[i];
    largest = std::max(largest, std::abs(static_cast<double>(data[i])));
  }
  return {sum / count, std::sqrt(squares / count), largest};
}

TEST(Initialize, SameSeedSameBitsOnEveryMachine) {
  const Parameters parameters = parameters_of("squeezenet1.0", 7);
  const float* weight = parameters.at("squeezenet0_conv0_weight").data<float>();
  // Computed from the description in initialize.h by a program in another language.
  EXPECT_EQ(weight[0], -0x1.8e7924p-12f);
  EXPECT_EQ(weight[14111], 0x1.6a4fc4p-5f);
}

TEST(Initialize, SeedsAndNamesDiffer) {
  const Parameters zero = parameters_of("squeezenet1.0", 0), one = parameters_of("squeezenet1.0", 1);
  const std::string name = "squeezenet0_conv2_weight", other = "squeezenet0_conv5_weight";
  EXPECT_NE(zero.at(name).data<float>()[0], one.at(name).data<float>()[0]);
  ASSERT_EQ(zero.at(name).shape(), zero.at(other).shape());
  EXPECT_NE(zero.at(name).data<float>()[0], zero.at(other).data<float>()[0]);
}

TEST(Initialize, WeightsLeftToGluonAreUniformWithVarianceOneByFanIn) {
  const Parameters parameters = parameters_of("resnet18_v2", 0);
  const Moments conv = moments(parameters.at("resnetv20_stage4_conv1_weight"));  // 512 x 512 x 3 x 3
  const double deviation = std::sqrt(1.0 / (512 * 9));
  EXPECT_NEAR(conv.mean, 0, deviation * 0.01);
  EXPECT_NEAR(conv.deviation, deviation, deviation * 0.01);
  EXPECT_NEAR(conv.largest, deviation * std::sqrt(3), deviation * 0.01);
}

TEST(Initialize, HintsOfTheNetworkAreHonoured) {
  const Parameters parameters = parameters_of("vgg11_bn", 0);
  const Moments conv = moments(parameters.at("vgg0_conv7_weight"));  // 512 x 512 x 3 x 3: variance 2 / fan-out
  EXPECT_NEAR(conv.deviation, std::sqrt(2.0 / (512 * 9)), 1e-4);
  EXPECT_GT(conv.largest, 3 * conv.deviation) << "normal, not uniform";
  EXPECT_NEAR(moments(parameters.at("vgg0_dense1_weight")).deviation, 0.01, 1e-5);
  EXPECT_EQ(parameters.at("vgg0_dense1_weight").data<float>()[5], 0x1.5206ecp-9f);
  EXPECT_EQ(moments(parameters.at("vgg0_conv7_bias")).largest, 0);
  EXPECT_EQ(moments(parameters.at("vgg0_batchnorm7_gamma")).mean, 1);
  EXPECT_EQ(moments(parameters.at("vgg0_batchnorm7_running_mean")).largest, 0);
  EXPECT_EQ(moments(parameters.at("vgg0_batchnorm7_running_var")).mean, 1);
}

}  // namespace
}  // namespace tenon::zoo
