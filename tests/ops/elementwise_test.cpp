#include <limits>

#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The result of `NAME(%x) {attributes}`.
Tensor unary(const std::string& call, const Tensor& x) {
  return evaluate("%x = variable\n%y = " + call + "\nreturn %y\n", {{"x", x}}).front();
}

/// The result of `NAME(%l, %r)`.
Tensor binary(const std::string& name, const Tensor& l, const Tensor& r) {
  return evaluate("%l = variable\n%r = variable\n%y = " + name + "(%l, %r)\nreturn %y\n", {{"l", l}, {"r", r}}).front();
}

TEST(Rounding, RintTiesGoDown) {
  expect_tensor(unary("rint(%x)", tensor({6}, {-2.5, -1.5, -0.5, 0.5, 1.5, 2.6})), {6}, {-3, -2, -1, 0, 1, 3});
}

TEST(Rounding, RoundTiesGoAwayFromZero) {
  expect_tensor(unary("round(%x)", tensor({4}, {-2.5, -0.5, 0.5, 2.4})), {4}, {-3, -1, 1, 2});
}

TEST(Unary, ReluAndClipKeepNanAndSignOfNanIsZero) {
  const Tensor x = tensor({3}, {kNan, -1, 7});
  expect_tensor(unary("relu(%x)", x), {3}, {kNan, 0, 7});
  expect_tensor(unary("clip(%x) {a_min=0, a_max=6}", x), {3}, {kNan, 0, 6});
  expect_tensor(unary("sign(%x)", x), {3}, {0, -1, 1});
}

TEST(Unary, ClipWithCrossedBoundsTakesTheUpperFirst) {
  expect_tensor(unary("clip(%x) {a_min=1, a_max=-1}", tensor({3}, {-2, 0, 2})), {3}, {1, -1, -1});
}

TEST(Unary, ClipOfIntegersWithAnInfiniteBoundKeepsThem) {
  const Tensor x = tensor({3}, {-2, 0, 9}, DType::int32);
  expect_tensor(unary("clip(%x) {a_min=0, a_max=inf}", x), {3}, {0, 0, 9});
}

TEST(Unary, ErfinvInvertsErfIntoTheTails) {
  const std::vector<double> y = {-5.5, -2, -0.3, 1e-9, 0.7, 3, 5.8};
  const Tensor x = unary("erf(%x)", tensor({7}, y, DType::float64));
  // erf(5.5) differs from 1 by some units in the last place only.
  expect_tensor(unary("erfinv(%x)", x), {7}, y, 2e-2);
  expect_tensor(unary("erfinv(%x)", tensor({4}, {1, -1, 1.5, 0.5}, DType::float64)), {4},
                {kInfinity, -kInfinity, kNan, 0.4769362762044699}, 1e-14);
}

TEST(Unary, IntegersComputeInFloatAndTruncate) {
  const Tensor root = unary("sqrt(%x)", tensor({3}, {5, 8, 9}, DType::int32));
  EXPECT_EQ(root.dtype(), DType::int32);
  expect_tensor(root, {3}, {2, 2, 3});
}

TEST(Unary, SmoothL1) {
  expect_tensor(unary("smooth_l1(%x) {scalar=2}", tensor({3}, {-1, 0.1, 0.5})), {3}, {0.875, 0.02, 0.375});
}

TEST(Binary, ComparisonsGiveTheTypeOfTheInput) {
  for (const DType dtype : {DType::float32, DType::float16, DType::int8}) {
    const Tensor y = binary("broadcast_greater", tensor({3}, {1, 2, 3}, dtype), tensor({1}, {2}, dtype));
    EXPECT_EQ(y.dtype(), dtype);
    expect_tensor(y, {3}, {0, 0, 1});
  }
}

TEST(Binary, ModTakesTheSignOfTheDivisorAndIsZeroForZero) {
  const std::vector<double> l = {7, -7, 7, -7, 5}, r = {3, 3, -3, -3, 0};
  for (const DType dtype : {DType::float32, DType::float64, DType::int32}) {
    expect_tensor(binary("_mod", tensor({5}, l, dtype), tensor({5}, r, dtype)), {5}, {1, 2, -2, -1, 0});
  }
}

TEST(Binary, IntegerDivisionByZeroDoesNotEndTheProcess) {
  expect_tensor(binary("elemwise_div", tensor({2}, {5, -128}, DType::int8), tensor({2}, {0, -1}, DType::int8)), {2},
                {0, -128});
}

TEST(Binary, NarrowIntegersWrapAround) {
  expect_tensor(binary("elemwise_sub", tensor({1}, {1}, DType::uint8), tensor({1}, {2}, DType::uint8)), {1}, {255});
}

TEST(Binary, Int64StaysExact) {
  Tensor big(Shape{1}, DType::int64), one(Shape{1}, DType::int64);
  *big.mutable_data<std::int64_t>() = (std::int64_t{1} << 60) + 1;
  *one.mutable_data<std::int64_t>() = 1;
  EXPECT_EQ(*binary("elemwise_add", big, one).data<std::int64_t>(), (std::int64_t{1} << 60) + 2);
}

TEST(Binary, MaximumKeepsNanOfEitherSide) {
  expect_tensor(binary("_maximum", tensor({3}, {kNan, 1, 2}), tensor({3}, {1, kNan, 3})), {3}, {kNan, kNan, 3});
}

TEST(Broadcast, AlignsAtTheLastAxis) {
  const Tensor y = binary("broadcast_add", tensor({2, 1, 3}, {0, 1, 2, 10, 11, 12}), tensor({2, 1}, {100, 200}));
  expect_tensor(y, {2, 2, 3}, {100, 101, 102, 200, 201, 202, 110, 111, 112, 210, 211, 212});
}

TEST(Broadcast, CrossesTheEdgesOfChunks) {
  std::vector<double> row(1000), expected;
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<double>(i);
  for (const double factor : {2.0, 3.0}) {
    for (const double x : row) expected.push_back(factor * x);
  }
  expect_tensor(binary("broadcast_mul", tensor({2, 1}, {2, 3}), tensor({1000}, row)), {2, 1000}, expected);
}

TEST(Broadcast, RefusalNamesNodeShapesAndAxis) {
  const std::string sentence = refusal([] {
    binary("broadcast_add", tensor({2, 3}, {1, 2, 3, 4, 5, 6}), tensor({2}, {1, 2}));
  });
  EXPECT_THAT(sentence, testing::AllOf(testing::HasSubstr("'y'"), testing::HasSubstr("(2,3)"),
                                       testing::HasSubstr("(2,)"), testing::HasSubstr("axis 1")));
}

TEST(Broadcast, ElemwiseDoesNot) {
  const std::string sentence = refusal([] { binary("elemwise_mul", tensor({2}, {1, 2}), tensor({1}, {1})); });
  EXPECT_THAT(sentence, testing::AllOf(testing::HasSubstr("'y' (elemwise_mul)"), testing::HasSubstr("rhs")));
}

TEST(Scalar, IntegersStayIntegersUnlessTheScalarIsFractional) {
  const Tensor x = tensor({2}, {3, 5}, DType::int32);
  const Tensor whole = unary("_div_scalar(%x) {scalar=2.5}", x);
  EXPECT_EQ(whole.dtype(), DType::int32);
  expect_tensor(whole, {2}, {1, 2});
  const Tensor fraction = unary("_div_scalar(%x) {scalar=2.5, is_int=False}", x);
  EXPECT_EQ(fraction.dtype(), DType::float64);
  expect_tensor(fraction, {2}, {1.2, 2});
}

TEST(Scalar, BoolBecomesInt64OrFloat64) {
  const Tensor x = tensor({2}, {0, 1}, DType::boolean);
  EXPECT_EQ(unary("_plus_scalar(%x) {scalar=2}", x).dtype(), DType::int64);
  const Tensor y = unary("_plus_scalar(%x) {scalar=0.5, is_int=False}", x);
  EXPECT_EQ(y.dtype(), DType::float64);
  expect_tensor(y, {2}, {0.5, 1.5});
}

TEST(Scalar, ReversedFormsHaveTheScalarOnTheLeft) {
  const Tensor x = tensor({2}, {2, 4});
  expect_tensor(unary("_rminus_scalar(%x) {scalar=1}", x), {2}, {-1, -3});
  expect_tensor(unary("_RDivScalar(%x) {scalar=8}", x), {2}, {4, 2});
  expect_tensor(unary("_rpower_scalar(%x) {scalar=3}", x), {2}, {9, 81});
}

TEST(Cast, FloatToIntegerTruncatesAndIsDefinedBeyondTheRange) {
  const Tensor x = tensor({5}, {-1.7, 1.7, 300.7, 1e20, kNan});
  expect_tensor(unary("Cast(%x) {dtype=int32}", x), {5}, {-1, 1, 300, -2147483648.0, -2147483648.0});
  expect_tensor(unary("Cast(%x) {dtype=uint8}", x), {5}, {255, 1, 44, 0, 0});
}

TEST(Cast, MulticastTakesTheWidestOrTheNarrowest) {
  const std::map<std::string, Tensor> feeds = {{"a", tensor({1}, {1})}, {"b", tensor({2}, {1, 2}, DType::float16)}};
  const std::string text =
      "%a = variable\n%b = variable\n%m = amp_multicast(%a, %b) {num_outputs=2CAST}\nreturn %m#0, %m#1\n";
  for (const auto& [attribute, dtype] : {std::pair{"", DType::float32}, {", cast_narrow=True", DType::float16}}) {
    std::string with = text;
    with.replace(with.find("CAST"), 4, attribute);
    for (const Tensor& y : evaluate(with, feeds)) EXPECT_EQ(y.dtype(), dtype);
  }
}

TEST(Where, ConditionOfRankOneChoosesRows) {
  const std::string text = "%c = variable\n%x = variable\n%y = variable\n%w = where(%c, %x, %y)\nreturn %w\n";
  const Tensor x = tensor({2, 2}, {1, 2, 3, 4}), y = tensor({2, 2}, {-1, -2, -3, -4});
  expect_tensor(evaluate(text, {{"c", tensor({2}, {0, 5}, DType::int32)}, {"x", x}, {"y", y}})[0], {2, 2},
                {-1, -2, 3, 4});
  const std::string sentence = refusal([&] { evaluate(text, {{"c", tensor({3}, {0, 1, 1})}, {"x", x}, {"y", y}}); });
  EXPECT_THAT(sentence, testing::AllOf(testing::HasSubstr("'w' (where)"), testing::HasSubstr("(3,)"),
                                       testing::HasSubstr("2 rows")));
}

TEST(AllFinite, IsOneFloat) {
  expect_tensor(unary("all_finite(%x)", tensor({2, 2}, {1, 2, 3, 4})), {1}, {1});
  expect_tensor(unary("all_finite(%x)", tensor({2}, {1, kInfinity})), {1}, {0});
}

}  // namespace
}  // namespace tenon
