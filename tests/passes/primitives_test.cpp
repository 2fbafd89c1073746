#include "passes/primitives.h"

#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::HasSubstr;

std::vector<Tensor> run(std::string_view text, const std::map<std::string, Tensor>& feeds) {
  return evaluate(parse_graph(text, body_ops()), feeds);
}

TEST(Primitives, AConvolutionAddsItsBiasByTheEpilogue) {
  const auto outputs = run(
      "%x = variable\n%w = variable\n%b = variable\n"
      "%y = convolution(%x, %w, %b) {epilogue=relu(add(x, $0)), kernel=(2,), pad_begin=(1,)}\nreturn %y\n",
      {{"x", tensor({1, 1, 3}, {1, 2, 3})}, {"w", tensor({2, 1, 2}, {1, 10, 1, -1})}, {"b", tensor({2}, {0.5, 1})}});
  expect_tensor(outputs[0], {1, 2, 3}, {10.5, 21.5, 32.5, 0, 0, 0});
}

TEST(Primitives, PaddingMayDifferBetweenTheSides) {
  const auto outputs =
      run("%x = variable\n%w = variable\n"
          "%y = convolution(%x, %w) {kernel=(2,), pad_end=(1,), stride=(2,)}\nreturn %y\n",
          {{"x", tensor({1, 1, 3}, {1, 2, 3})}, {"w", tensor({1, 1, 2}, {1, 10})}});
  expect_tensor(outputs[0], {1, 1, 2}, {21, 3});
}

TEST(Primitives, ADeconvolutionIsTheTranspose) {
  const auto outputs =
      run("%x = variable\n%w = variable\n"
          "%y = deconvolution(%x, %w) {adj=(1,), kernel=(2,), pad_begin=(1,), stride=(2,)}\nreturn %y\n",
          {{"x", tensor({1, 1, 2}, {1, 2})}, {"w", tensor({1, 1, 2}, {3, 4})}});
  expect_tensor(outputs[0], {1, 1, 4}, {4, 6, 8, 0});
}

TEST(Primitives, TwoExpressionsGiveTwoOutputs) {
  const auto outputs =
      run("%x = variable\n%w = variable\n%skip = variable\n%scale = variable\n"
          "%y = matmul(%x, %w, %skip, %scale) {epilogue=add(x, $0); mul(y0, $1)}\nreturn %y, %y#1\n",
          {{"x", tensor({2, 1, 2}, {1, 2, 3, 4})},
           {"w", tensor({3, 2}, {1, 0, 0, 1, 1, 1})},
           {"skip", tensor({2, 3}, {10, 20, 30, 40, 50, 60})},
           {"scale", tensor({3}, {1, -1, 2})}});
  expect_tensor(outputs[0], {2, 3}, {11, 22, 33, 43, 54, 67});
  expect_tensor(outputs[1], {2, 3}, {11, -22, 66, 43, -54, 134});
}

TEST(Primitives, WithoutFlattenAMatmulKeepsTheLeadingAxes) {
  const auto outputs = run("%x = variable\n%w = variable\n%y = matmul(%x, %w) {flatten=False}\nreturn %y\n",
                           {{"x", tensor({1, 2, 2}, {1, 2, 3, 4})}, {"w", tensor({1, 2}, {1, 10})}});
  expect_tensor(outputs[0], {1, 2, 1}, {21, 43});
}

TEST(Primitives, AnAverageCountsThePadButNotWhatTheConventionAdds) {
  const Tensor x = tensor({1, 1, 4}, {1, 2, 3, 4});
  const auto pool = [&](const std::string& attributes) {
    return run("%x = variable\n%y = pooling(%x) {type=avg, kernel=(3,), stride=(3,), pad_begin=(1,), " + attributes +
                   "}\nreturn %y\n",
               {{"x", x}})[0];
  };
  expect_tensor(pool("pad_end=(1,)"), {1, 1, 2}, {1, 7.0 / 3});
  expect_tensor(pool("count_include_pad=False, pad_end=(1,)"), {1, 1, 2}, {1.5, 3.5});
  // Four elements beyond the data: one is the pad.
  expect_tensor(pool("pad_end=(4,)"), {1, 1, 3}, {1, 7.0 / 3, 0});
}

TEST(Primitives, AGlobalPoolingTakesEverything) {
  const auto outputs = run("%x = variable\n%y = pooling(%x) {type=lp, global=True, epilogue=mul(x, 2)}\nreturn %y\n",
                           {{"x", tensor({1, 2, 1, 2}, {3, 4, 6, 8})}});
  expect_tensor(outputs[0], {1, 2, 1, 1}, {10, 20});
}

TEST(Primitives, APointwiseNodeReadsVectorsAlongItsAxis) {
  const auto outputs = run(
      "%x = variable\n%v = variable\n%y = pointwise(%x, %v) {axis=-1, epilogue=add(x, $0), dtype=float16}\nreturn %y\n",
      {{"x", tensor({2, 1, 2}, {1, 2, 3, 4}, DType::uint8)}, {"v", tensor({2}, {10, 20})}});
  EXPECT_EQ(outputs[0].dtype(), DType::float16);
  expect_tensor(outputs[0], {2, 1, 2}, {11, 22, 13, 24});
}

TEST(Primitives, HalfPrecisionIsRoundedOnceAtTheEnd) {
  // 2048 + 1 has no float16; 2049 - 2048 is 1 all the same.
  const auto outputs =
      run("%x = variable\n%w = variable\n%y = matmul(%x, %w) {epilogue=sub(x, 2048)}\nreturn %y\n",
          {{"x", tensor({1, 2}, {2048, 1}, DType::float16)}, {"w", tensor({1, 2}, {1, 1}, DType::float16)}});
  expect_tensor(outputs[0], {1, 1}, {1});
}

TEST(Primitives, SizesTellTheProblem) {
  Graph graph = parse_graph(
      "%x = variable\n%w = variable\n"
      "%y = convolution(%x, %w) {kernel=(3, 5), groups=2, stride=(1, 2), pad_begin=(1, 2), pad_end=(1, 0)}\nreturn "
      "%y\n",
      body_ops());
  infer(graph, {{"x", {{2, 4, 8, 9}, DType::float32}}, {"w", {{6, 2, 3, 5}, DType::float32}}});
  const Node& node = graph.node(graph.outputs[0].node);
  const ConvolutionSizes sizes =
      convolution_sizes({node, {graph.type(node.inputs[0]), graph.type(node.inputs[1])}, node.outputs});
  EXPECT_EQ(sizes.batch, 2);
  EXPECT_EQ(sizes.groups, 2);
  EXPECT_EQ(sizes.src_channels, 4);
  EXPECT_EQ(sizes.dst_channels, 6);
  EXPECT_EQ(sizes.window.src, (Extent{1, 8, 9}));
  EXPECT_EQ(sizes.window.dst, (Extent{1, 8, 4}));
  EXPECT_EQ(sizes.window.kernel, (Extent{1, 3, 5}));
  EXPECT_EQ(sizes.window.pad_begin, (Extent{0, 1, 2}));
  EXPECT_EQ(sizes.window.pad_end, (Extent{0, 1, 0}));
}

TEST(Primitives, AWrongOperandIsRefused) {
  const auto refused = [](const Shape& operand) {
    return refusal([&] {
      Graph graph = parse_graph(
          "%x = variable\n%b = variable\n%y = pointwise(%x, %b) {epilogue=add(x, $0)}\nreturn %y\n", body_ops());
      infer(graph, {{"x", {{1, 4, 2, 2}, DType::float32}}, {"b", {operand, DType::float32}}});
    });
  };
  EXPECT_THAT(refused({3}), HasSubstr("operand 0 has shape (3,)"));
  EXPECT_THAT(refused({1, 4, 1, 1}), HasSubstr("operand 0 has shape (1,4,1,1)"));
  EXPECT_EQ(refused({4}), "");
}

TEST(Primitives, AMistakeInAnEpilogueNamesTheNode) {
  EXPECT_THAT(
      refusal([] { parse_graph("%x = variable\n%y = pointwise(%x) {epilogue=swish(x)}\nreturn %y\n", body_ops()); }),
      HasSubstr("node 'y' (pointwise): expression 'swish(x)'"));
}

}  // namespace
}  // namespace tenon
