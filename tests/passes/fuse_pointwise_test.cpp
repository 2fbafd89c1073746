#include <gmock/gmock.h>

#include "passes/passes.h"
#include "support/bodies.h"

namespace tenon {
namespace {

using testing::ElementsAre;

// Three 1x1 convolutions' worth of names, over maps of two channels.
const std::string kHead =
    "%x = variable : float32 (1,2,1,2)\n%w = variable : float32 (2,2,1,1)\n%a = variable : float32 (2,)\n"
    "%b = variable : float32 (2,)\n";
const std::map<std::string, Tensor> kParameters = {
    {"w", tensor({2, 2, 1, 1}, {1, -2, 3, 1})}, {"a", tensor({2}, {2, -1})}, {"b", tensor({2}, {0.5, 4})}};
const std::map<std::string, Tensor> kInputs = {{"x", tensor({1, 2, 1, 2}, {1, -2, 3, 4})}};

Body expect_fused(const std::string& before, const std::string& after) {
  return expect_rewrite(fuse_pointwise, before, after, kParameters, kInputs);
}

TEST(FusePointwise, AChainGoesIntoTheConvolution) {
  const Body body = expect_fused(kHead +
                                     "%c = convolution(%x, %w) {kernel=(1, 1)}\n"
                                     "%n = pointwise(%c, %a, %b) {epilogue=fma(x, $0, $1)}\n"
                                     "%r = pointwise(%n) {epilogue=relu(x)}\nreturn %r\n",
                                 kHead +
                                     "%c = convolution(%x, %w, %a, %b) {epilogue=relu(fma(x, $0, $1)), "
                                     "kernel=(1, 1)}\nreturn %c\n");
  EXPECT_THAT(body.origins.at("c"), ElementsAre("c", "n", "r"));
}

TEST(FusePointwise, TheSumOfAPreActivationBlockIsKept) {
  expect_fused(
      kHead +
          "%c = convolution(%x, %w) {kernel=(1, 1)}\n%s = pointwise(%c, %x) {epilogue=add(x, $0)}\n"
          "%n = pointwise(%s, %a, %b) {epilogue=relu(fma(x, $0, $1))}\n"
          "%d = convolution(%n, %w) {kernel=(1, 1)}\n%t = pointwise(%d, %s) {epilogue=add(x, $0)}\nreturn %t\n",
      kHead +
          "%c = convolution(%x, %w, %x, %a, %b) {epilogue=add(x, $0); relu(fma(y0, $1, $2)), kernel=(1, 1)}\n"
          "%d = convolution(%c#1, %w, %c) {epilogue=add(x, $0), kernel=(1, 1)}\nreturn %d\n");
}

TEST(FusePointwise, TheLaterOfTwoConvolutionsTakesTheirSum) {
  expect_fused(kHead +
                   "%c = convolution(%x, %w) {kernel=(1, 1)}\n%d = convolution(%c, %w) {kernel=(1, 1)}\n"
                   "%s = pointwise(%c, %d) {epilogue=sub(x, $0)}\nreturn %s\n",
               kHead +
                   "%c = convolution(%x, %w) {kernel=(1, 1)}\n"
                   "%d = convolution(%c, %w, %c) {epilogue=\"sub($0, x)\", kernel=(1, 1)}\nreturn %d\n");
}

TEST(FusePointwise, AProducerThatAnotherInputNeedsCannotTakeIt) {
  // The pooled gate depends on the convolution, and is not of its shape.
  const std::string text = kHead +
                           "%c = convolution(%x, %w) {kernel=(1, 1)}\n%p = softmax(%c)\n"
                           "%s = pointwise(%c, %p) {epilogue=mul(x, $0)}\nreturn %s\n";
  expect_fused(text, text);
}

TEST(FusePointwise, AValueReadTwiceBecomesAnOutputThatNobodyStores) {
  // A hard swish: x clip(x + 3, 0, 6) / 6.
  expect_fused(
      kHead +
          "%c = convolution(%x, %w, %a) {epilogue=add(x, $0), kernel=(1, 1)}\n"
          "%p = pointwise(%c) {epilogue=add(x, 3)}\n%q = pointwise(%p) {epilogue=min(max(x, 0), 6)}\n"
          "%m = pointwise(%c, %q) {epilogue=mul(x, $0)}\n%r = pointwise(%m) {epilogue=div(x, 6)}\nreturn %r\n",
      kHead +
          "%c = convolution(%x, %w, %a) {epilogue=\"add(x, $0); div(mul(y0, min(max(add(y0, 3), 0), 6)), 6)\", "
          "kernel=(1, 1)}\nreturn %c#1\n");
}

TEST(FusePointwise, VectorsOfAnotherAxisStayOutside) {
  const std::string text = kHead +
                           "%c = convolution(%x, %w) {kernel=(1, 1)}\n"
                           "%s = pointwise(%c, %a) {axis=3, epilogue=mul(x, $0)}\nreturn %s\n";
  expect_fused(text, text);
}

TEST(FusePointwise, ANarrowingCastGoesInAWideningOneDoesNot) {
  expect_fused(kHead +
                   "%c = convolution(%x, %w) {kernel=(1, 1)}\n%h = pointwise(%c) {dtype=float16}\n"
                   "%f = pointwise(%h) {dtype=float32}\nreturn %f\n",
               kHead +
                   "%c = convolution(%x, %w) {dtype=float16, kernel=(1, 1)}\n%f = pointwise(%c) {dtype=float32}\n"
                   "return %f\n");
}

TEST(FusePointwise, AGraphOutputInTheMiddleStaysReadable) {
  expect_fused(
      kHead + "%c = convolution(%x, %w) {kernel=(1, 1)}\n%r = pointwise(%c) {epilogue=relu(x)}\nreturn %r, %c\n",
      kHead + "%c = convolution(%x, %w) {epilogue=x; relu(y0), kernel=(1, 1)}\nreturn %c#1, %c\n");
}

TEST(FusePointwise, AChainWithoutAPrimitiveBeforeItBecomesOneNode) {
  expect_rewrite(
      fuse_pointwise,
      "%x = variable : float32 (1,2)\n%s = softmax(%x)\n%p = pointwise(%s) {epilogue=mul(x, 2)}\n"
      "%q = pointwise(%p, %x) {epilogue=\"add($0, x)\"}\nreturn %q\n",
      "%x = variable : float32 (1,2)\n%s = softmax(%x)\n%p = pointwise(%s, %x) {epilogue=\"add($0, mul(x, 2))\"}\n"
      "return %p\n",
      {}, {{"x", tensor({1, 2}, {1, 2})}});
}

TEST(FusePointwise, ALongChainIsSplit) {
  std::string text = "%x = variable : float32 (1,2)\n%p0 = pointwise(%x) {epilogue=tanh(x)}\n";
  for (int i = 1; i < 300; ++i) text += fmt::format("%p{} = pointwise(%p{}) {{epilogue=\"tanh(x)\"}}\n", i, i - 1);
  Body body(typed_graph(text + "return %p299\n"), {});
  fuse_pointwise(body);
  verify(body);
  EXPECT_LE(body.graph.size(), 20);
}

}  // namespace
}  // namespace tenon
