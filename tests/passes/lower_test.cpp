#include "passes/passes.h"
#include "support/bodies.h"

namespace tenon {
namespace {

const Tensor kImage = tensor({1, 2, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -2, -3, -4, -5, -6, -7, -8, -9});

TEST(Lower, AConvolutionBiasBecomesAnOperand) {
  expect_rewrite(lower,
                 "%x = variable : float32 (1,2,3,3)\n%w = variable : float32 (2,1,2,2)\n%b = variable : float32 (2,)\n"
                 "%y = Convolution(%x, %w, %b) {kernel=(2, 2), num_filter=2, num_group=2, pad=(1, 0), stride=(2, 1)}\n"
                 "return %y\n",
                 "%x = variable : float32 (1,2,3,3)\n%w = variable : float32 (2,1,2,2)\n%b = variable : float32 (2,)\n"
                 "%y = convolution(%x, %w, %b) {epilogue=add(x, $0), groups=2, kernel=(2, 2), pad_begin=(1, 0), "
                 "pad_end=(1, 0), stride=(2, 1)}\nreturn %y\n",
                 {{"w", tensor({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}, {"b", tensor({2}, {1, -1})}}, {{"x", kImage}});
}

TEST(Lower, ADeconvolutionToATargetCutsBothSides) {
  expect_rewrite(lower,
                 "%x = variable : float32 (1,2,3,3)\n%w = variable : float32 (2,1,3,3)\n"
                 "%y = Deconvolution(%x, %w) {kernel=(3, 3), num_filter=1, stride=(2, 2), target_shape=(6, 6)}\n"
                 "return %y\n",
                 "%x = variable : float32 (1,2,3,3)\n%w = variable : float32 (2,1,3,3)\n"
                 "%y = deconvolution(%x, %w) {adj=(1, 1), kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), "
                 "stride=(2, 2)}\nreturn %y\n",
                 {{"w", tensor({2, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1})}},
                 {{"x", kImage}});
}

TEST(Lower, TheFullConventionPadsTheFarSide) {
  expect_rewrite(lower,
                 "%x = variable : float32 (1,2,3,3)\n"
                 "%y = Pooling(%x) {kernel=(2, 2), pool_type=avg, pooling_convention=full, stride=(2, 2)}\nreturn %y\n",
                 "%x = variable : float32 (1,2,3,3)\n"
                 "%y = pooling(%x) {kernel=(2, 2), pad_end=(1, 1), stride=(2, 2), type=avg}\nreturn %y\n",
                 {}, {{"x", kImage}});
}

TEST(Lower, AnOldAverageDividesByTheWholeKernel) {
  expect_rewrite(lower,
                 "%x = variable : float32 (1,2,3,3)\n"
                 "%y = Pooling_v1(%x) {kernel=(2, 2), pad=(1, 1), pool_type=avg, stride=(2, 2)}\nreturn %y\n",
                 "%x = variable : float32 (1,2,3,3)\n"
                 "%y = pooling(%x) {epilogue=\"div(x, 4)\", kernel=(2, 2), pad_begin=(1, 1), pad_end=(1, 1), "
                 "stride=(2, 2), type=sum}\nreturn %y\n",
                 {}, {{"x", kImage}});
}

TEST(Lower, AnOldMaximumWithPaddingStays) {
  const std::string text =
      "%x = variable : float32 (1,2,3,3)\n%y = Pooling_v1(%x) {kernel=(2, 2), pad=(1, 1), pool_type=max}\nreturn %y\n";
  expect_rewrite(lower, text, text, {}, {{"x", kImage}});
}

TEST(Lower, ABatchNormalizationOfConstantsIsOneMultiplyAdd) {
  const std::map<std::string, Tensor> parameters = {{"g", tensor({2}, {2, 3})},
                                                    {"b", tensor({2}, {1, -1})},
                                                    {"m", tensor({2}, {0.5, -0.5})},
                                                    {"v", tensor({2}, {0.24, 3.99})}};
  const std::string head = "%x = variable : float32 (1,2,3,3)\n";
  const std::string before =
      head +
      "%g = variable : float32 (2,)\n%b = variable : float32 (2,)\n%m = variable : float32 (2,)\n"
      "%v = variable : float32 (2,)\n";
  const std::string after = head + "%y.scale = variable : float32 (2,)\n%y.shift = variable : float32 (2,)\n";
  const std::string rewritten = "%y = pointwise(%x, %y.scale, %y.shift) {epilogue=fma(x, $0, $1)}\nreturn %y\n";
  Body body =
      expect_rewrite(lower, before + "%y = BatchNorm(%x, %g, %b, %m, %v) {eps=0.01, fix_gamma=False}\nreturn %y\n",
                     after + rewritten, parameters, {{"x", kImage}}, 1e-5);
  expect_tensor(body.parameters.at("y.scale"), {2}, {4, 1.5});
  expect_tensor(body.parameters.at("y.shift"), {2}, {-1, -0.25});
  body = expect_rewrite(lower, before + "%y = BatchNorm(%x, %g, %b, %m, %v) {eps=0.01}\nreturn %y\n", after + rewritten,
                        parameters, {{"x", kImage}}, 1e-5);
  expect_tensor(body.parameters.at("y.scale"), {2}, {2, 0.5});
}

TEST(Lower, ABatchNormalizationWhoseStatisticsAreReadStays) {
  const std::string text =
      "%x = variable : float32 (1,2,3,3)\n%g = variable : float32 (2,)\n%b = variable : float32 (2,)\n"
      "%m = variable : float32 (2,)\n%v = variable : float32 (2,)\n%y = BatchNorm(%x, %g, %b, %m, %v)\n"
      "return %y, %y#1\n";
  const Tensor two = tensor({2}, {1, 2});
  expect_rewrite(lower, text, text, {{"g", two}, {"b", two}, {"m", two}, {"v", two}}, {{"x", kImage}});
}

/// One operator on %x, and on %v where it has two inputs.
struct Lowered {
  std::string before, after;
};

TEST(Lower, FunctionsOfOneTensorBecomeExpressions) {
  const std::vector<Lowered> cases = {
      {"Activation(%x) {act_type=softrelu}", "softrelu(x)"},
      {"LeakyReLU(%x) {slope=0.5}", "leaky(x, 0.5)"},
      {"LeakyReLU(%x) {act_type=elu, slope=2}", "elu(x, 2)"},
      {"LeakyReLU(%x) {act_type=gelu}", "mul(mul(x, 0.5), add(erf(div(x, 1.4142135)), 1))"},
      {"LeakyReLU(%x) {act_type=rrelu, lower_bound=0.25, upper_bound=0.5}", "leaky(x, 0.375)"},
      {"clip(%x) {a_max=6, a_min=0}", "min(max(x, 0), 6)"},
      {"clip(%x) {a_max=inf, a_min=-2}", "max(x, -2)"},
      {"hard_sigmoid(%x)", "min(max(fma(x, 0.2, 0.5), 0), 1)"},
      {"_rminus_scalar(%x) {scalar=3}", "sub(3, x)"},
      {"_rdiv_scalar(%x) {scalar=3}", "div(3, x)"},
      {"_power_scalar(%x) {scalar=2}", "mul(x, x)"},
      {"negative(%x)", "mul(x, -1)"},
      {"elemwise_mul(%x, %x)", "mul(x, x)"},
  };
  for (const Lowered& item : cases) {
    SCOPED_TRACE(item.before);
    const std::string head = "%x = variable : float32 (1,2,3,3)\n%y = ";
    expect_rewrite(lower, head + item.before + "\nreturn %y\n",
                   head + "pointwise(%x) {epilogue=\"" + item.after + "\"}\nreturn %y\n", {}, {{"x", kImage}});
  }
}

TEST(Lower, AStretchedTensorBecomesAVectorOfItsAxis) {
  const std::string x = "%x = variable : float32 (1,2,3,3)\n", end = "\nreturn %y\n";
  // A constant is reshaped beforehand,
  expect_rewrite(lower, x + "%v = variable : float32 (1,2,1,1)\n%y = broadcast_sub(%v, %x)" + end,
                 x + "%v.2 = variable : float32 (2,)\n%y = pointwise(%x, %v.2) {epilogue=sub($0, x)}" + end,
                 {{"v", tensor({1, 2, 1, 1}, {10, 20})}}, {{"x", kImage}});
  // a value by a view,
  expect_rewrite(lower, x + "%v = variable : float32 (1,2,1,1)\n%y = broadcast_mul(%x, %v)" + end,
                 x +
                     "%v = variable : float32 (1,2,1,1)\n%y.vector = Reshape(%v) {shape=(2,)}\n"
                     "%y = pointwise(%x, %y.vector) {epilogue=mul(x, $0)}" +
                     end,
                 {}, {{"x", kImage}, {"v", tensor({1, 2, 1, 1}, {10, 20})}});
  // along any axis;
  expect_rewrite(lower, x + "%v = variable : float32 (3,)\n%y = broadcast_add(%x, %v)" + end,
                 x + "%v = variable : float32 (3,)\n%y = pointwise(%x, %v) {axis=3, epilogue=add(x, $0)}" + end,
                 {{"v", tensor({3}, {10, 20, 30})}}, {{"x", kImage}});
  // one constant number is a literal.
  expect_rewrite(lower, x + "%v = variable : float32 (1,)\n%y = broadcast_div(%x, %v)" + end,
                 x + "%y = pointwise(%x) {epilogue=div(x, 8)}" + end, {{"v", tensor({1}, {8})}}, {{"x", kImage}});
}

TEST(Lower, WhatNeedsMoreThanAVectorStays) {
  const std::string text =
      "%x = variable : float32 (1,2,3,3)\n%v = variable : float32 (2,1,3)\n%y = broadcast_add(%x, %v)\nreturn %y\n";
  expect_rewrite(lower, text, text, {}, {{"x", kImage}, {"v", tensor({2, 1, 3}, {1, 2, 3, 4, 5, 6})}});
  const std::string wide = "%x = variable : float64 (2,)\n%y = relu(%x)\nreturn %y\n";
  expect_rewrite(lower, wide, wide, {}, {{"x", tensor({2}, {1, -1}, DType::float64)}});
}

TEST(Lower, PreluTakesOneSlopeOrOneAChannel) {
  const std::string x = "%x = variable : float32 (1,2,3,3)\n", end = "\nreturn %y\n";
  expect_rewrite(lower, x + "%g = variable : float32 (2,)\n%y = LeakyReLU(%x, %g) {act_type=prelu}" + end,
                 x + "%g = variable : float32 (2,)\n%y = pointwise(%x, %g) {epilogue=leaky(x, $0)}" + end,
                 {{"g", tensor({2}, {0.5, 0.25})}}, {{"x", kImage}});
  expect_rewrite(lower, x + "%g = variable : float32 (1,)\n%y = LeakyReLU(%x, %g) {act_type=prelu}" + end,
                 x + "%y = pointwise(%x) {epilogue=leaky(x, 0.5)}" + end, {{"g", tensor({1}, {0.5})}}, {{"x", kImage}});
}

TEST(Lower, ACastWritesItsType) {
  expect_rewrite(lower, "%x = variable : float32 (2,)\n%y = Cast(%x) {dtype=float16}\nreturn %y\n",
                 "%x = variable : float32 (2,)\n%y = pointwise(%x) {dtype=float16}\nreturn %y\n", {},
                 {{"x", tensor({2}, {1.0 / 3, 2049})}});
}

}  // namespace
}  // namespace tenon
