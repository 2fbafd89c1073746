#include <gmock/gmock.h>

#include <cmath>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// exp of these is 1 and 3, so that a line of both is 1/4 and 3/4.
const double kThree = std::log(3.0);

Tensor run(const std::string& op, const std::string& attributes, Tensor data) {
  return evaluate("%x = variable\n%y = " + op + "(%x) {" + attributes + "}\nreturn %y\n", {{"x", std::move(data)}})[0];
}

TEST(Softmax, RunsAlongTheLastAxisOrAnother) {
  const auto data = tensor({2, 2}, {0, kThree, 0, 0});
  expect_tensor(run("softmax", "__x__=1", data), {2, 2}, {0.25, 0.75, 0.5, 0.5});
  expect_tensor(run("softmax", "axis=0", data), {2, 2}, {0.5, 0.75, 0.5, 0.25});
  expect_tensor(run("softmax", "axis=-2", data), {2, 2}, {0.5, 0.75, 0.5, 0.25});
}

TEST(Softmax, DividesByTheTemperatureFirst) {
  expect_tensor(run("softmax", "temperature=2", tensor({2}, {0, 2 * kThree})), {2}, {0.25, 0.75});
}

TEST(Softmax, SurvivesLargeNumbers) {
  expect_tensor(run("softmax", "axis=-1", tensor({2}, {1000, 1000 + kThree})), {2}, {0.25, 0.75}, 1e-4);
  expect_tensor(run("log_softmax", "axis=-1", tensor({2}, {-1000, 1000})), {2}, {-2000, 0});
}

TEST(Softmax, LogAndNegatedForms) {
  expect_tensor(run("log_softmax", "axis=-1", tensor({2}, {0, kThree})), {2}, {std::log(0.25), std::log(0.75)});
  expect_tensor(run("softmin", "axis=-1", tensor({2}, {0, kThree})), {2}, {0.75, 0.25});
}

TEST(Softmax, BeyondTheLengthIsZero) {
  const auto result =
      evaluate("%x = variable\n%n = variable\n%y = softmax(%x, %n) {use_length=True}\nreturn %y\n",
               {{"x", tensor({3, 3}, {0, kThree, 50, 0, 1, 2, 0, 0, 0})}, {"n", tensor({3}, {2, 0, 9}, DType::int32)}});
  const double third = 1.0 / 3;
  expect_tensor(result[0], {3, 3}, {0.25, 0.75, 0, 0, 0, 0, third, third, third});
}

TEST(Softmax, LengthMustBeAnIntegerAndBelongsToSoftmaxOnly) {
  EXPECT_THAT(refusal([] {
                evaluate("%x = variable\n%n = variable\n%sm = softmax(%x, %n) {use_length=True}\nreturn %sm\n",
                         {{"x", tensor({1, 2}, {0, 0})}, {"n", tensor({1}, {1})}});
              }),
              AllOf(HasSubstr("node 'sm' (softmax)"), HasSubstr("float32"), HasSubstr("int32")));
  EXPECT_THAT(refusal([] { run("log_softmax", "use_length=True", tensor({2}, {0, 0})); }), HasSubstr("use_length"));
}

TEST(Softmax, GivesTheAskedType) {
  const Tensor result = run("softmax", "dtype=float64", tensor({2}, {0, 0}));
  EXPECT_EQ(result.dtype(), DType::float64);
  expect_tensor(result, {2}, {0.5, 0.5});
}

TEST(Softmax, RefusesAnAxisThatIsNotThere) {
  EXPECT_THAT(refusal([] {
                run("softmax", "axis=2", tensor({1, 2}, {0, 0}));
              }),
              AllOf(HasSubstr("axis"), HasSubstr("2")));
}

// Data (1, 2, 2): rows (0, log 3) and (log 3, log 3), of which the exponentials are 1 3 3 3.
Tensor softmax_output(const std::string& attributes) {
  return evaluate("%x = variable\n%l = variable\n%y = SoftmaxOutput(%x, %l) {" + attributes + "}\nreturn %y\n",
                  {{"x", tensor({1, 2, 2}, {0, kThree, kThree, kThree})}, {"l", tensor({1, 2}, {0, 0})}})[0];
}

TEST(SoftmaxOutput, TakesAllButTheBatchTogetherByDefault) {
  expect_tensor(softmax_output("__x__=1"), {1, 2, 2}, {0.1, 0.3, 0.3, 0.3});
}
TEST(SoftmaxOutput, MultiOutputRunsOverAxisOne) {
  expect_tensor(softmax_output("multi_output=True"), {1, 2, 2}, {0.25, 0.5, 0.75, 0.5});
  expect_tensor(softmax_output("multi_output=True, preserve_shape=True"), {1, 2, 2}, {0.25, 0.5, 0.75, 0.5});
}
TEST(SoftmaxOutput, PreserveShapeRunsOverTheLastAxis) {
  expect_tensor(softmax_output("preserve_shape=True"), {1, 2, 2}, {0.25, 0.75, 0.5, 0.5});
}

TEST(SoftmaxOutput, InfersAndChecksItsLabel) {
  const auto label = [](const std::string& attributes, Shape given) {
    Graph graph = parse_graph(
        "%x = variable\n%l = variable\n%sm = SoftmaxOutput(%x, %l) {" + attributes + "}\nreturn %sm\n", ops());
    infer(graph, {{"x", {Shape{2, 3, 4, 5}, DType::float32}}, {"l", {std::move(given), {}}}});
    return graph.type({1, 0}).shape;
  };
  EXPECT_EQ(label("__x__=1", {}), (Shape{2, 3, 4}));
  EXPECT_EQ(label("multi_output=True", {}), (Shape{2, 20}));
  EXPECT_EQ(label("multi_output=True", {2, 4, 5}), (Shape{2, 4, 5}));
  EXPECT_EQ(label("multi_output=True", {2, 1, 4, 5}), (Shape{2, 1, 4, 5}));
  EXPECT_EQ(label("__x__=1", {2, 3, 4, 5}), (Shape{2, 3, 4, 5}));
  EXPECT_THAT(refusal([&] { label("__x__=1", {3}); }),
              AllOf(HasSubstr("node 'sm' (SoftmaxOutput)"), HasSubstr("(3,)"), HasSubstr("(2,3,4)")));
}

TEST(SoftmaxActivation, InstanceRunsOverTheLastAxisAndChannelOverAxisOne) {
  const auto data = tensor({1, 2, 2}, {0, kThree, kThree, kThree});
  expect_tensor(run("SoftmaxActivation", "__x__=1", data), {1, 2, 2}, {0.25, 0.75, 0.5, 0.5});
  expect_tensor(run("SoftmaxActivation", "mode=channel", data), {1, 2, 2}, {0.25, 0.5, 0.75, 0.5});
}

TEST(SoftmaxCrossEntropy, IsOneNumber) {
  const auto result = evaluate("%x = variable\n%l = variable\n%y = softmax_cross_entropy(%x, %l)\nreturn %y\n",
                               {{"x", tensor({2, 2}, {0, kThree, 0, 0})}, {"l", tensor({2}, {1, 0})}});
  expect_tensor(result[0], {1}, {-std::log(0.75) - std::log(0.5)});
}

}  // namespace
}  // namespace tenon
