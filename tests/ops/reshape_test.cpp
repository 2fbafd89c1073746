#include <gmock/gmock.h>

#include "support/counting.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Shape reshaped(const Shape& src, const std::string& attributes) {
  return evaluate("%x = variable\n%y = Reshape(%x) {" + attributes + "}\nreturn %y\n", {{"x", counting(src)}})[0]
      .shape();
}

std::string refused(const Shape& src, const std::string& op) {
  return refusal([&] { evaluate("%x = variable\n%y = " + op + "\nreturn %y\n", {{"x", counting(src)}}); });
}

TEST(Reshape, ReadsEveryCode) {
  EXPECT_EQ(reshaped({2, 3, 4}, "shape=(4, 0, 2)").str(), "(4,3,2)");
  EXPECT_EQ(reshaped({2, 3, 4}, "shape=(-1, 0)").str(), "(8,3)");
  EXPECT_EQ(reshaped({2, 3, 4}, "shape=(-2, 1, 1)").str(), "(2,3,4,1,1)");
  EXPECT_EQ(reshaped({2, 3, 4, 5}, "shape=(-3, -3)").str(), "(6,20)");
  EXPECT_EQ(reshaped({2, 12, 2, 3}, "shape=(0, -4, 3, -1, -3)").str(), "(2,3,4,6)");
}

TEST(Reshape, ReverseReadsFromTheRight) {
  EXPECT_EQ(reshaped({10, 5, 4}, "shape=(-1, 0)").str(), "(40,5)");
  EXPECT_EQ(reshaped({10, 5, 4}, "shape=(-1, 0), reverse=True").str(), "(50,4)");
  EXPECT_EQ(reshaped({8, 3}, "shape=(4, 2, -4, 0), reverse=True").str(), "(4,2,3)");
}

TEST(Reshape, TargetShapeInfersItsZero) {
  EXPECT_EQ(reshaped({2, 3, 4}, "target_shape=(2, 0)").str(), "(2,12)");
  EXPECT_EQ(reshaped({2, 3, 4}, "target_shape=(5, 0), keep_highest=True").str(), "(2,12)");
}

TEST(Reshape, ComparesSizesAtInference) {
  Graph graph = parse_graph("%x = variable\n%y = Reshape(%x) {shape=(2, 4)}\nreturn %y\n", ops());
  const std::string sentence = refusal([&] { infer(graph, {{"x", {Shape{2, 3}, DType::float32}}}); });
  EXPECT_THAT(sentence, AllOf(HasSubstr("'y'"), HasSubstr("Reshape"), HasSubstr("6"), HasSubstr("8")));
}

TEST(Reshape, RefusesCodesThatDoNotFit) {
  EXPECT_THAT(refused({2, 3}, "Reshape(%x) {shape=(-1, -1)}"), HasSubstr("twice"));
  EXPECT_THAT(refused({2, 3}, "Reshape(%x) {shape=(-5, 6)}"), HasSubstr("-5"));
  EXPECT_THAT(refused({5}, "Reshape(%x) {shape=(1, 0)}"), HasSubstr("(5,)"));
  EXPECT_THAT(refused({6, 3}, "Reshape(%x) {shape=(-4, 2, 2, 0)}"), HasSubstr("6 in 2 and 2"));
  EXPECT_THAT(refused({6, 3}, "Reshape(%x) {shape=(-4, -1, -1, 0)}"), HasSubstr("both"));
  EXPECT_THAT(refused({2, 3}, "Reshape(%x) {shape=(-2, -1)}"), HasSubstr("follows"));
  EXPECT_THAT(refused({2, 3}, "Reshape(%x) {shape=(-4, 2)}"), HasSubstr("two sizes"));
  EXPECT_THAT(refused({2, 3}, "Reshape(%x) {shape=(4611686018427387904, 4)}"), HasSubstr("2^62"));
}

TEST(Reshape, ABatchFollowsFromTheOutput) {
  Graph graph = parse_graph(
      "%x = variable {__shape__=(0, 3, 4)}\n%r = Reshape(%x) {shape=(-1, 12)}\n%y = relu(%r)\n"
      "%z = variable\n%c = Concat(%y, %z) {num_args=2, dim=1}\nreturn %c\n",
      ops());
  infer(graph, {{"z", {Shape{5, 2}, DType::float32}}, {"x", {Shape{Shape::unknown, 3, 4}, DType::float32}}});
  EXPECT_EQ(graph.type(graph.outputs[0]).shape.str(), "(5,14)");
  EXPECT_EQ(graph.type({graph.find_variable("x"), 0}).shape.str(), "(5,3,4)");
}

TEST(Reshape, OfUnknownInputStaysUnknown) {
  Graph graph = parse_graph("%x = variable\n%y = Reshape(%x) {shape=(-1, 4)}\nreturn %y\n", ops());
  EXPECT_NO_THROW(infer(graph, {}));
  EXPECT_FALSE(graph.type(graph.outputs[0]).shape.is_known());
}

TEST(ReshapeLike, SplicesDimensions) {
  const auto result = evaluate(
      "%x = variable\n%l = variable\n%y = reshape_like(%x, %l) {lhs_begin=-1, lhs_end=None, rhs_begin=-2}\nreturn %y\n",
      {{"x", counting({2, 15})}, {"l", counting({7, 5, 3})}});
  EXPECT_EQ(result[0].shape().str(), "(2,5,3)");
}

TEST(Squeeze, RemovingEverythingLeavesOneElement) {
  const auto result = evaluate("%x = variable\n%y = squeeze(%x)\nreturn %y\n", {{"x", tensor({1, 1}, {7})}});
  expect_tensor(result[0], {1}, {7});
  EXPECT_THAT(refused({1, 3}, "squeeze(%x) {axis=1}"), AllOf(HasSubstr("axis 1"), HasSubstr("size 3")));
}

TEST(ExpandDims, LearnsItsInputBackwards) {
  Graph graph = parse_graph(
      "%x = variable\n%y = expand_dims(%x) {axis=-2}\n%z = variable\n"
      "%c = Concat(%y, %z) {num_args=2, dim=1}\nreturn %c\n",
      ops());
  infer(graph, {{"z", {Shape{4, 2, 6}, DType::float32}}});
  EXPECT_EQ(graph.type({graph.find_variable("x"), 0}).shape.str(), "(4,6)");
}

TEST(ExpandDims, RefusesAnAxisOutOfRange) {
  EXPECT_THAT(refused({2, 3}, "expand_dims(%x) {axis=3}"), AllOf(HasSubstr("axis 3"), HasSubstr("-3 and 2")));
}

TEST(ShapeArray, CountsInInt64) {
  const auto result = evaluate("%x = variable\n%s = shape_array(%x)\n%n = size_array(%x)\nreturn %s, %n\n",
                               {{"x", counting({2, 3, 4})}});
  EXPECT_EQ(result[0].dtype(), DType::int64);
  expect_tensor(result[0], {3}, {2, 3, 4});
  expect_tensor(result[1], {1}, {24});
}

}  // namespace
}  // namespace tenon
