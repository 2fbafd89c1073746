#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Tensor ones(Shape shape) {
  const auto count = static_cast<std::size_t>(shape.elements());
  return tensor(std::move(shape), std::vector<double>(count, 1));
}

constexpr const char* kData = "%x = variable\n%w = variable\n%b = variable\n";

TEST(Convolution, DoesNotFlipTheKernel) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Convolution(%x, %w) {kernel=(2,), num_filter=1, no_bias=True}\nreturn %y\n",
      {{"x", tensor({1, 1, 3}, {1, 2, 3})}, {"w", tensor({1, 1, 2}, {10, 1})}});
  expect_tensor(result[0], {1, 1, 2}, {12, 23});
}

TEST(Convolution, HasABiasUnlessNoBias) {
  const auto result = evaluate(
      std::string(kData) + "%y = Convolution(%x, %w, %b) {kernel=(1, 1), num_filter=2}\nreturn %y\n",
      {{"x", tensor({1, 1, 1, 2}, {1, 2})}, {"w", tensor({2, 1, 1, 1}, {1, 10})}, {"b", tensor({2}, {0.5, -0.5})}});
  expect_tensor(result[0], {1, 2, 1, 2}, {1.5, 2.5, 9.5, 19.5});
}

TEST(Convolution, PadsStridesAndDilates) {
  // Taps at 2i - 1, 2i + 1; the pad is zero.
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Convolution(%x, %w) {kernel=(2,), stride=(2,), dilate=(2,), pad=(1,), "
      "num_filter=1, no_bias=True}\nreturn %y\n",
      {{"x", tensor({1, 1, 4}, {1, 2, 3, 4})}, {"w", tensor({1, 1, 2}, {1, 1})}});
  expect_tensor(result[0], {1, 1, 2}, {2, 6});
}

TEST(Convolution, KeepsGroupsApart) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Convolution(%x, %w) {kernel=(1,), num_filter=4, num_group=2, no_bias=True}\n"
      "return %y\n",
      {{"x", tensor({1, 2, 1}, {3, 5})}, {"w", tensor({4, 1, 1}, {1, 2, 1, 2})}});
  expect_tensor(result[0], {1, 4, 1}, {3, 6, 5, 10});
}

TEST(Convolution, RunsInThreeDimensions) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Convolution(%x, %w) {kernel=(2, 2, 2), num_filter=1, no_bias=True}\nreturn "
      "%y\n",
      {{"x", ones({1, 1, 3, 2, 2})}, {"w", ones({1, 1, 2, 2, 2})}});
  expect_tensor(result[0], {1, 1, 2, 1, 1}, {8, 8});
}

TEST(Convolution, InfersWeightBiasAndWithStrideOneTheData) {
  Graph graph = parse_graph(
      std::string(kData) +
          "%y = Convolution(%x, %w, %b) {kernel=(3, 3), pad=(1, 0), num_filter=8, num_group=2}\nreturn %y\n",
      ops());
  Graph backwards = graph;
  infer(graph, {{"x", {Shape{2, 4, 5, 6}, DType::float32}}});
  EXPECT_EQ(graph.type({1, 0}).shape, (Shape{8, 2, 3, 3}));
  EXPECT_EQ(graph.type({2, 0}).shape, (Shape{8}));
  EXPECT_EQ(graph.type({3, 0}).shape, (Shape{2, 8, 5, 4}));
  backwards.type({3, 0}).shape = {2, 8, 5, 4};
  infer(backwards, {{"x", {Shape{-1, 4, -1, -1}, DType::float32}}});
  EXPECT_EQ(backwards.type({0, 0}).shape, (Shape{2, 4, 5, 6}));
}

std::string refused_convolution(const std::string& attributes, Tensor data) {
  return refusal([&] {
    evaluate("%x = variable\n%w = variable\n%conv = Convolution(%x, %w) {no_bias=True, num_filter=4, " + attributes +
                 "}\nreturn %conv\n",
             {{"x", std::move(data)}, {"w", ones({4, 4, 3, 3})}});
  });
}

TEST(Convolution, RefusesWhatDoesNotFitWithTheNumbers) {
  EXPECT_THAT(refused_convolution("kernel=(3, 3)", ones({1, 3, 6, 6})),
              AllOf(HasSubstr("node 'conv' (Convolution)"), HasSubstr("(4,4,3,3)"), HasSubstr("(4,3,3,3)")));
  EXPECT_THAT(refused_convolution("kernel=(3, 3), num_group=3", ones({1, 3, 6, 6})),
              HasSubstr("num_filter=4 is not divisible by num_group=3"));
  EXPECT_THAT(refused_convolution("kernel=(3, 3), num_group=2", ones({1, 3, 6, 6})),
              HasSubstr("3 channels, which num_group=2"));
  EXPECT_THAT(refused_convolution("kernel=(3, 3), stride=(0, 1)", ones({1, 4, 6, 6})), HasSubstr("stride=(0, 1)"));
  EXPECT_THAT(refused_convolution("kernel=(3, 3), pad=(1,)", ones({1, 4, 6, 6})),
              HasSubstr("pad=(1,) has 1 numbers, but the kernel has 2"));
  EXPECT_THAT(refused_convolution("kernel=(7, 7)", ones({1, 4, 6, 6})),
              AllOf(HasSubstr("7 elements"), HasSubstr("has 6 there")));
  EXPECT_THAT(refused_convolution("kernel=(3,)", ones({1, 4, 6, 6})), HasSubstr("needs 3 dimensions"));
  EXPECT_THAT(refused_convolution("kernel=(3, 3), layout=NCW", ones({1, 4, 6, 6})), HasSubstr("layout=NCW"));
  EXPECT_THAT(refused_convolution("kernel=(9223372036854775807, 3)", ones({1, 4, 6, 6})), HasSubstr("kernel="));
}

TEST(Convolution, RefusesFloat16AndChannelsLastOnTheCpu) {
  EXPECT_THAT(refusal([] {
                evaluate(
                    "%x = variable\n%w = variable\n%conv = Convolution(%x, %w) {kernel=(1,), num_filter=1, "
                    "no_bias=True}\nreturn %conv\n",
                    {{"x", tensor({1, 1, 1}, {1}, DType::float16)}, {"w", tensor({1, 1, 1}, {1}, DType::float16)}});
              }),
              AllOf(HasSubstr("node 'conv' (Convolution)"), HasSubstr("float16")));
  EXPECT_THAT(refusal([] {
                evaluate(
                    "%x = variable\n%w = variable\n%conv = Convolution(%x, %w) {kernel=(1, 1), num_filter=1, "
                    "no_bias=True, layout=NHWC}\nreturn %conv\n",
                    {{"x", ones({1, 2, 2, 3})}, {"w", ones({1, 1, 1, 3})}});
              }),
              AllOf(HasSubstr("layout=NHWC"), HasSubstr("transpose")));
}

TEST(Deconvolution, HasNoBiasByDefault) {
  // Each source element adds itself times (1, 10) from 2i on.
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Deconvolution(%x, %w) {kernel=(2,), stride=(2,), num_filter=1}\nreturn %y\n",
      {{"x", tensor({1, 1, 2}, {1, 2})}, {"w", tensor({1, 1, 2}, {1, 10})}});
  expect_tensor(result[0], {1, 1, 4}, {1, 10, 2, 20});
}

TEST(Deconvolution, AddsAdjToTheFarSideAndCutsThePad) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Deconvolution(%x, %w) {kernel=(3,), stride=(2,), pad=(1,), adj=(1,), "
      "num_filter=1}\nreturn %y\n",
      {{"x", tensor({1, 1, 2}, {1, 2})}, {"w", tensor({1, 1, 3}, {1, 10, 100})}});
  // Uncut: 1 10 102 20 200; the pad takes one on the left, adj gives one back on the right.
  expect_tensor(result[0], {1, 1, 4}, {10, 102, 20, 200});
}

TEST(Deconvolution, TargetShapeOverridesPadAndAdj) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Deconvolution(%x, %w) {kernel=(3,), stride=(2,), pad=(0,), adj=(0,), "
      "target_shape=(4,), num_filter=1}\nreturn %y\n",
      {{"x", tensor({1, 1, 2}, {1, 2})}, {"w", tensor({1, 1, 3}, {1, 10, 100})}});
  expect_tensor(result[0], {1, 1, 4}, {10, 102, 20, 200});
}

TEST(Deconvolution, DilatesTogetherWithAStride) {
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = Deconvolution(%x, %w) {kernel=(2,), stride=(2,), dilate=(3,), "
      "num_filter=1}\nreturn %y\n",
      {{"x", tensor({1, 1, 2}, {1, 2})}, {"w", tensor({1, 1, 2}, {1, 10})}});
  expect_tensor(result[0], {1, 1, 6}, {1, 0, 2, 10, 0, 20});
}

TEST(Deconvolution, RefusesAdjOfTheStrideAndTargetsTooLarge) {
  const auto refused = [](const std::string& attributes) {
    return refusal([&] {
      evaluate(
          "%x = variable\n%w = variable\n%dc = Deconvolution(%x, %w) {kernel=(3, 3), stride=(2, 2), num_filter=2, " +
              attributes + "}\nreturn %dc\n",
          {{"x", ones({2, 3, 6, 6})}, {"w", ones({3, 2, 3, 3})}});
    });
  };
  EXPECT_THAT(refused("adj=(2, 2)"), AllOf(HasSubstr("adj"), HasSubstr("less than the stride, 2")));
  EXPECT_THAT(refused("target_shape=(40, 40)"), AllOf(HasSubstr("40"), HasSubstr("13")));
  EXPECT_THAT(refused("pad=(7, 7)"), HasSubstr("leaves nothing"));
}

}  // namespace
}  // namespace tenon
