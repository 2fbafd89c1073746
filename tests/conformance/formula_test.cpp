#include "conformance/formula.h"

#include <cmath>

#include <gtest/gtest.h>

#include <tenon/error.h>

namespace tenon::conformance {
namespace {

float at(const Tensor& tensor, std::int64_t i) {
  return tensor.data<float>()[i];
}

TEST(Formula, HashesNamesWithFnv1a) {
  EXPECT_EQ(fnv1a("data"), 0x855b556730a34a05u);
}

TEST(Formula, GivesTheCheckValuesOfTheData) {
  const Tensor data = formula("data", Shape{1, 3, 224, 224});
  EXPECT_EQ(at(data, 0), 0.153548121f);
  EXPECT_EQ(at(data, 1), -0.776400805f);
  EXPECT_EQ(at(data, 2), -0.0258015394f);
  EXPECT_EQ(at(data, data.elements() - 1), -0.697393179f);
}

TEST(Formula, ScalesAWeightByItsFanIn) {
  const Tensor weight = formula_parameter("resnetv20_conv0_weight", Shape{64, 3, 7, 7}, 0.8);
  EXPECT_EQ(at(weight, 0), -0.110111997f);
  EXPECT_EQ(at(weight, 1), -0.0830393657f);
  EXPECT_EQ(at(weight, 2), 0.017468486f);
  EXPECT_EQ(at(weight, weight.elements() - 1), -0.0773772821f);
}

TEST(Formula, ShiftsVariancesAndScales) {
  const Tensor variance = formula_parameter("resnetv20_batchnorm0_running_var", Shape{3}, 1);
  EXPECT_EQ(at(variance, 0), 0.825559914f);
  EXPECT_EQ(at(variance, 2), 0.845651686f);
  const Tensor gamma = formula_parameter("resnetv20_stage1_batchnorm0_gamma", Shape{64}, 1);
  EXPECT_EQ(at(gamma, 0), 1.08350682f);
  EXPECT_EQ(at(gamma, 63), 1.13959754f);
}

TEST(Formula, RefusesANameWithoutARule) {
  EXPECT_THROW(formula_parameter("anchors", Shape{3}, 1), Error);
}

}  // namespace
}  // namespace tenon::conformance
