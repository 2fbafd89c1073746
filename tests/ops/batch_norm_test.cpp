#include <gmock/gmock.h>

#include <cmath>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::HasSubstr;

const char* const kVariables = "%x = variable\n%g = variable\n%b = variable\n%m = variable\n%v = variable\n";

/// One channel: x = 3, gamma = 2, beta = 10, mean = 1, variance = 4, so that (x - mean) / deviation = 1.
std::vector<Tensor> one_channel(const std::string& attributes, const std::string& op = "BatchNorm",
                                const std::string& results = "%bn") {
  return evaluate(kVariables + ("%bn = " + op) + "(%x, %g, %b, %m, %v) {" + attributes + "}\nreturn " + results + "\n",
                  {{"x", tensor({1, 1}, {3})},
                   {"g", tensor({1}, {2})},
                   {"b", tensor({1}, {10})},
                   {"m", tensor({1}, {1})},
                   {"v", tensor({1}, {4})}});
}

TEST(BatchNorm, FixGammaIgnoresGammaAndIsTheDefault) {
  expect_tensor(one_channel("eps=0")[0], {1, 1}, {11});
  expect_tensor(one_channel("eps=0, fix_gamma=True")[0], {1, 1}, {11});
  expect_tensor(one_channel("eps=0, fix_gamma=False")[0], {1, 1}, {12});
}

TEST(BatchNorm, EpsDefaultsToOneThousandth) {
  expect_tensor(one_channel("momentum=0.9")[0], {1, 1}, {10 + 2 / std::sqrt(4.001)}, 1e-7);
  expect_tensor(one_channel("eps=1e-5")[0], {1, 1}, {10 + 2 / std::sqrt(4.00001)}, 1e-7);
}

TEST(BatchNorm, UsesTheMovingStatisticsWhateverUseGlobalStatsSays) {
  expect_tensor(one_channel("eps=0, use_global_stats=False")[0], {1, 1}, {11});
  expect_tensor(one_channel("eps=0, use_global_stats=True")[0], {1, 1}, {11});
}

TEST(BatchNorm, ThirdOutputIsTheInverseDeviation) {
  const auto results = one_channel("eps=0, output_mean_var=True", "BatchNorm", "%bn, %bn#1, %bn#2");
  expect_tensor(results[1], {1}, {1});
  expect_tensor(results[2], {1}, {0.5});
  EXPECT_EQ(ops().find("BatchNorm")->visible(parse_attributes(ops().find("BatchNorm")->attributes, {})), 1);
}

TEST(BatchNorm, TheFirstVersionGivesTheVariance) {
  expect_tensor(one_channel("eps=0, output_mean_var=True", "BatchNorm_v1", "%bn#2")[0], {1}, {4});
}

TEST(BatchNorm, AliasesAndRelativesAgree) {
  expect_tensor(one_channel("eps=0", "_npx_batch_norm")[0], {1, 1}, {11});
  expect_tensor(one_channel("eps=0", "CuDNNBatchNorm")[0], {1, 1}, {11});
  expect_tensor(one_channel("eps=0, key=a", "_contrib_SyncBatchNorm")[0], {1, 1}, {11});
  expect_tensor(one_channel("eps=0", "_contrib_BatchNormWithReLU")[0], {1, 1}, {11});
}

TEST(BatchNorm, WithReluRectifies) {
  const auto result =
      evaluate(kVariables + std::string("%bn = _contrib_BatchNormWithReLU(%x, %g, %b, %m, %v) {eps=0}\nreturn %bn\n"),
               {{"x", tensor({2, 1}, {3, -3})},
                {"g", tensor({1}, {1})},
                {"b", tensor({1}, {0})},
                {"m", tensor({1}, {1})},
                {"v", tensor({1}, {4})}});
  expect_tensor(result[0], {2, 1}, {1, 0});
}

TEST(BatchNorm, AxisMayBeNegativeAndIsTheOneOfTheParameters) {
  const auto result =
      evaluate(kVariables + std::string("%bn = BatchNorm(%x, %g, %b, %m, %v) {eps=0, axis=-1}\nreturn %bn\n"),
               {{"x", tensor({1, 2, 2}, {1, 2, 3, 4})},
                {"g", tensor({2}, {1, 1})},
                {"b", tensor({2}, {0, 0})},
                {"m", tensor({2}, {1, 2})},
                {"v", tensor({2}, {1, 4})}});
  expect_tensor(result[0], {1, 2, 2}, {0, 0, 2, 1});
  EXPECT_THAT(refusal([] { one_channel("axis=4"); }), HasSubstr("axis 4"));
}

TEST(BatchNorm, ParametersOfHalfPrecisionDataStayFloat32) {
  Graph graph = parse_graph(kVariables + std::string("%bn = BatchNorm(%x, %g, %b, %m, %v)\nreturn %bn\n"), ops());
  infer(graph, {{"x", {Shape{2, 3}, DType::float16}}});
  EXPECT_EQ(graph.type({1, 0}), (TensorType{Shape{3}, DType::float32}));
  EXPECT_EQ(graph.type({4, 0}), (TensorType{Shape{3}, DType::float32}));
  EXPECT_EQ(graph.type({5, 0}), (TensorType{Shape{2, 3}, DType::float16}));
}

TEST(BatchNorm, RefusesAGammaOfAnotherLength) {
  // MXNet accepts this and reads beyond its end.
  EXPECT_THAT(refusal([] {
                evaluate(kVariables + std::string("%bn = BatchNorm(%x, %g, %b, %m, %v)\nreturn %bn\n"),
                         {{"x", tensor({1, 2}, {1, 2})}, {"g", tensor({3}, {1, 1, 1})}});
              }),
              ::testing::AllOf(HasSubstr("gamma"), HasSubstr("(3,)"), HasSubstr("(2,)")));
}

}  // namespace
}  // namespace tenon
