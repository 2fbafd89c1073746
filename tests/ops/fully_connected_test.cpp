#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(FullyConnected, FlattenJoinsAllButTheBatch) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%b = variable\n%y = FullyConnected(%x, %w, %b) {num_hidden=2}\nreturn %y\n",
      {{"x", tensor({1, 2, 2}, {1, 2, 3, 4})},
       {"w", tensor({2, 4}, {1, 1, 1, 1, 1, 0, 0, -1})},
       {"b", tensor({2}, {0.5, 0})}});
  expect_tensor(result[0], {1, 2}, {10.5, -3});
}

TEST(FullyConnected, WithoutFlattenTheLastAxisIsMultiplied) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = FullyConnected(%x, %w) {num_hidden=1, no_bias=True, flatten=False}\nreturn "
      "%y\n",
      {{"x", tensor({1, 2, 2}, {1, 2, 3, 4})}, {"w", tensor({1, 2}, {1, 10})}});
  expect_tensor(result[0], {1, 2, 1}, {21, 43});
}

TEST(FullyConnected, TakesABiasColumnAndDataOfOneAxis) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%b = variable\n%y = FullyConnected(%x, %w, %b) {num_hidden=2}\nreturn %y\n",
      {{"x", tensor({3}, {1, 2, 3})}, {"w", tensor({2, 1}, {1, 10})}, {"b", tensor({2, 1}, {0, 5})}});
  expect_tensor(result[0], {3, 2}, {1, 15, 2, 25, 3, 35});
}

TEST(FullyConnected, RefusesAWeightOfAnotherShape) {
  EXPECT_THAT(
      refusal([] {
        evaluate(
            "%x = variable\n%w = variable\n%fc = FullyConnected(%x, %w) {num_hidden=5, no_bias=True}\nreturn %fc\n",
            {{"x", tensor({1, 3, 4}, std::vector<double>(12))}, {"w", tensor({5, 4}, std::vector<double>(20))}});
      }),
      AllOf(HasSubstr("node 'fc' (FullyConnected)"), HasSubstr("(5,4)"), HasSubstr("(5,12)")));
}

TEST(FullyConnected, LearnsTheBatchFromItsResult) {
  Graph graph = parse_graph(
      "%x = variable\n%w = variable\n%l = variable\n%y = FullyConnected(%x, %w) {num_hidden=3, no_bias=True}\n"
      "%s = SoftmaxOutput(%y, %l)\nreturn %s\n",
      ops());
  graph.type({4, 0}).shape = {7, 3};
  infer(graph, {{"x", {Shape{-1, 2}, DType::float32}}});
  EXPECT_EQ(graph.type({0, 0}).shape, (Shape{7, 2}));
}

TEST(Flatten, KeepsTheBatch) {
  const auto flattened = [](Shape shape) {
    const auto count = static_cast<std::size_t>(shape.elements());
    return evaluate("%x = variable\n%y = Flatten(%x)\nreturn %y\n",
                    {{"x", tensor(std::move(shape), std::vector<double>(count, 1))}})[0];
  };
  EXPECT_EQ(flattened({2, 3, 4}).shape(), (Shape{2, 12}));
  EXPECT_EQ(flattened({2, 3}).shape(), (Shape{2, 3}));
  EXPECT_EQ(flattened({4}).shape(), (Shape{4, 1}));
}

TEST(Flatten, MovesAnyType) {
  const auto result =
      evaluate("%x = variable\n%y = flatten(%x)\nreturn %y\n", {{"x", tensor({1, 2, 2}, {1, 2, 3, 4}, DType::int32)}});
  expect_tensor(result[0], {1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(result[0].dtype(), DType::int32);
}

}  // namespace
}  // namespace tenon
