#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_activation(const std::string& type, const std::vector<double>& src, const std::vector<double>& expected) {
  const Shape shape{static_cast<std::int64_t>(src.size())};
  const auto result =
      evaluate("%x = variable\n%y = Activation(%x) {act_type=" + type + "}\nreturn %y\n", {{"x", tensor(shape, src)}});
  expect_tensor(result[0], shape, expected);
}

TEST(Activation, ReluKeepsNaN) {
  expect_activation("relu", {-1, 0, 2, kNan}, {0, 0, 2, kNan});
}
TEST(Activation, Sigmoid) {
  expect_activation("sigmoid", {0, std::log(3.0), -1000, 1000}, {0.5, 0.75, 0, 1});
}
TEST(Activation, Tanh) {
  expect_activation("tanh", {0, -1000, 1000}, {0, -1, 1});
}
TEST(Activation, SoftreluIsTheIdentityForLargeNumbers) {
  expect_activation("softrelu", {0, 1000, -1000}, {std::log(2.0), 1000, 0});
}
TEST(Activation, SoftsignOfInfinityIsNaN) {
  expect_activation("softsign", {1, -3, kInfinity}, {0.5, -0.75, kNan});
}

Tensor leaky(const std::string& attributes, const std::vector<double>& src) {
  return evaluate("%x = variable\n%y = LeakyReLU(%x) {" + attributes + "}\nreturn %y\n",
                  {{"x", tensor({static_cast<std::int64_t>(src.size())}, src)}})[0];
}

TEST(LeakyRelu, LeakySlopeDefaultsToAQuarter) {
  expect_tensor(leaky("act_type=leaky", {-4, 4}), {2}, {-1, 4});
  expect_tensor(leaky("slope=0.5", {-4, 4}), {2}, {-2, 4});
}

TEST(LeakyRelu, EluSeluAndExactGelu) {
  expect_tensor(leaky("act_type=elu, slope=2", {-1, 3}), {2}, {2 * std::expm1(-1.0), 3});
  expect_tensor(leaky("act_type=selu", {-1, 1}), {2}, {-1.1113307378, 1.0507009874});
  // The approximation by tanh would give -0.158808.
  expect_tensor(leaky("act_type=gelu", {-1, 1}), {2}, {-0.1586552539, 0.8413447461});
}

TEST(LeakyRelu, RreluTakesTheMiddleSlopeAndShowsItsMask) {
  expect_tensor(leaky("act_type=rrelu", {-1, 1}), {2}, {-0.2295, 1});
  expect_tensor(leaky("act_type=rrelu, lower_bound=0.25, upper_bound=0.75", {-1, 1}), {2}, {-0.5, 1});
  const Op& op = *ops().find("LeakyReLU");
  EXPECT_EQ(op.visible(parse_attributes(op.attributes, {{"act_type", "rrelu"}})), 2);
}

std::vector<Tensor> prelu(Shape shape, const std::vector<double>& src, Tensor gamma) {
  return evaluate("%x = variable\n%g = variable\n%act = LeakyReLU(%x, %g) {act_type=prelu}\nreturn %act\n",
                  {{"x", tensor(std::move(shape), src)}, {"g", std::move(gamma)}});
}

TEST(LeakyRelu, PreluGammaIsOnePerChannelOrOneForAll) {
  const std::vector<double> src{-1, -2, -3, 4};
  expect_tensor(prelu({1, 2, 2}, src, tensor({2}, {0.5, 0.1}))[0], {1, 2, 2}, {-0.5, -1, -0.3, 4});
  expect_tensor(prelu({1, 2, 2}, src, tensor({1}, {0.5}))[0], {1, 2, 2}, {-0.5, -1, -1.5, 4});
  expect_tensor(prelu({4}, src, tensor({1}, {0.5}))[0], {4}, {-0.5, -1, -1.5, 4});
}

TEST(LeakyRelu, PreluRefusesAnotherGamma) {
  const std::vector<double> src(24);
  EXPECT_THAT(refusal([&] {
                prelu({2, 3, 4}, src, tensor({1, 3, 1}, {1, 1, 1}));
              }),
              AllOf(HasSubstr("node 'act' (LeakyReLU)"), HasSubstr("(1,3,1)"), HasSubstr("(3,)")));
  EXPECT_THAT(refusal([&] { prelu({2, 3, 4}, src, tensor({4}, {1, 1, 1, 1})); }), HasSubstr("(4,)"));
}

TEST(LeakyRelu, PreluInfersItsGamma) {
  Graph graph =
      parse_graph("%x = variable\n%g = variable\n%y = LeakyReLU(%x, %g) {act_type=prelu}\nreturn %y\n", ops());
  infer(graph, {{"x", {Shape{2, 3, 4}, DType::float32}}});
  EXPECT_EQ(graph.type({1, 0}).shape, (Shape{3}));
}

TEST(LeakyRelu, HalfPrecisionIsComputedWiderAndRoundedOnce) {
  const auto result = evaluate("%x = variable\n%y = LeakyReLU(%x) {slope=0.1}\nreturn %y\n",
                               {{"x", tensor({1}, {-3}, DType::float16)}});
  expect_tensor(result[0], {1}, {-0.300048828125}, 0);
}

}  // namespace
}  // namespace tenon
