#include <limits>

#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The results of `%y = CALL` over %x, `outputs` of them.
std::vector<Tensor> apply(const std::string& call, const Tensor& x, int outputs = 1) {
  std::string text = "%x = variable\n%y = " + call + "\nreturn %y#0";
  for (int i = 1; i < outputs; ++i) text += ", %y#" + std::to_string(i);
  return evaluate(text + "\n", {{"x", x}});
}

Tensor apply_one(const std::string& call, const Tensor& x) {
  return apply(call, x).front();
}

const Tensor& small() {
  static const Tensor x = tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  return x;
}

TEST(Reduce, FullReductionsYieldShapeOne) {
  for (const std::string axes : {"", " {axis=()}", " {axis=None}", " {axis=(0, 1)}"}) {
    expect_tensor(apply_one("sum(%x)" + axes, small()), {1}, {21});
  }
  expect_tensor(apply_one("sum(%x) {keepdims=True}", small()), {1, 1}, {21});
}

TEST(Reduce, ExcludeReducesAllOtherAxes) {
  expect_tensor(apply_one("sum(%x) {axis=0, exclude=True}", small()), {2}, {6, 15});
  expect_tensor(apply_one("sum(%x) {axis=-1, exclude=True, keepdims=True}", small()), {1, 3}, {5, 7, 9});
}

TEST(Reduce, MeanOfIntegersTruncatesTowardsZero) {
  const Tensor y = apply_one("mean(%x) {axis=1}", tensor({2, 3}, {1, 2, 2, -1, -2, -2}, DType::int32));
  EXPECT_EQ(y.dtype(), DType::int32);
  expect_tensor(y, {2}, {1, -1});
}

TEST(Reduce, NanWinsInMaxAndCountsNothingInNansum) {
  const Tensor x = tensor({2, 3}, {1, kNan, 3, kNan, 2, 0});
  expect_tensor(apply_one("max(%x) {axis=1}", x), {2}, {kNan, kNan});
  expect_tensor(apply_one("min(%x) {axis=1}", x), {2}, {kNan, kNan});
  expect_tensor(apply_one("nansum(%x) {axis=1}", x), {2}, {4, 2});
  expect_tensor(apply_one("nanprod(%x) {axis=1}", x), {2}, {3, 0});
}

TEST(Reduce, NormOverAPairOfAxesIsElementwise) {
  const Tensor x = tensor({1, 2, 2}, {1, -2, 2, 4});
  expect_tensor(apply_one("norm(%x) {axis=(1, 2)}", x), {1}, {5});
  expect_tensor(apply_one("norm(%x) {axis=(1, 2), ord=1}", x), {1}, {9});
}

TEST(Reduce, MomentsAreMeanAndBiasedVariance) {
  const auto moments = apply("moments(%x) {axes=(1,)}", small(), 2);
  expect_tensor(moments[0], {2}, {2, 5});
  expect_tensor(moments[1], {2}, {2.0 / 3, 2.0 / 3});
}

TEST(Reduce, RefusalsNameTheAxis) {
  const auto sentence = [](const std::string& call) { return refusal([&] { apply_one(call, small()); }); };
  EXPECT_THAT(sentence("sum(%x) {axis=3}"), testing::AllOf(testing::HasSubstr("'y' (sum)"),
                                                           testing::HasSubstr("axis 3"), testing::HasSubstr("(2,3)")));
  EXPECT_THAT(sentence("sum(%x) {axis=(1, -1)}"), testing::HasSubstr("axis -1 is named twice in (1, -1)"));
  EXPECT_THAT(sentence("argmax(%x) {axis=2}"), testing::HasSubstr("axis 2"));
  EXPECT_THAT(sentence("norm(%x) {ord=3}"), testing::HasSubstr("ord=3"));
  EXPECT_THAT(sentence("topk(%x) {k=9}"), testing::AllOf(testing::HasSubstr("k=9"), testing::HasSubstr("3 elements")));
}

TEST(Argmax, GivesTheTypeOfTheDataAndTheFirstOfTies) {
  for (const DType dtype : {DType::float32, DType::float16, DType::int32}) {
    const Tensor y = apply_one("argmax(%x) {axis=1}", tensor({2, 4}, {1, 3, 3, 2, 5, 1, 1, 5}, dtype));
    EXPECT_EQ(y.dtype(), dtype);
    expect_tensor(y, {2}, {1, 0});
  }
}

TEST(Argmax, WithoutAxisIsThePositionInTheFlattenedTensor) {
  expect_tensor(apply_one("argmax(%x)", small()), {1}, {5});
  expect_tensor(apply_one("argmin(%x) {keepdims=True}", small()), {1, 1}, {0});
}

TEST(Argmax, TheFirstNanWins) {
  expect_tensor(apply_one("argmin(%x) {axis=1}", tensor({2, 3}, {1, kNan, kNan, kNan, 2, 0})), {2}, {1, 0});
}

TEST(Pick, ClipsOrWrapsTheIndex) {
  const std::string text = "%x = variable\n%i = variable\n%y = pick(%x, %i) {mode=MODE}\nreturn %y\n";
  const auto pick = [&](const std::string& mode, const Tensor& index) {
    std::string with = text;
    return evaluate(with.replace(with.find("MODE"), 4, mode), {{"x", small()}, {"i", index}}).front();
  };
  expect_tensor(pick("clip", tensor({2}, {-1, 5})), {2}, {1, 6});
  expect_tensor(pick("wrap", tensor({2}, {-1.7, 5})), {2}, {3, 6});
  expect_tensor(pick("clip", tensor({2, 1}, {1, 0}, DType::int32)), {2}, {2, 4});
  EXPECT_THAT(refusal([&] {
                pick("clip", tensor({3}, {0, 0, 0}));
              }),
              testing::AllOf(testing::HasSubstr("(3,)"), testing::HasSubstr("(2,)")));
}

TEST(Topk, IndicesAreFloat32UnlessAskedOtherwise) {
  EXPECT_EQ(apply_one("topk(%x)", small()).dtype(), DType::float32);
  EXPECT_EQ(apply_one("topk(%x) {dtype=int64}", small()).dtype(), DType::int64);
  EXPECT_EQ(apply_one("argsort(%x)", small()).dtype(), DType::float32);
}

TEST(Topk, ReturnsEachKind) {
  const Tensor x = tensor({2, 3}, {3, 1, 2, 4, 6, 5});
  expect_tensor(apply_one("topk(%x) {k=2}", x), {2, 2}, {0, 2, 1, 2});
  expect_tensor(apply_one("topk(%x) {k=2, ret_typ=mask}", x), {2, 3}, {1, 0, 1, 0, 1, 1});
  const auto both = apply("topk(%x) {k=1, ret_typ=both, axis=0, is_ascend=True}", x, 2);
  expect_tensor(both[0], {1, 3}, {3, 1, 2});
  expect_tensor(both[1], {1, 3}, {0, 0, 0});
  expect_tensor(apply_one("topk(%x) {k=2, ret_typ=value, axis=None}", x), {2}, {6, 5});
}

TEST(Topk, EqualElementsKeepTheirOrder) {
  expect_tensor(apply_one("topk(%x) {k=3}", tensor({4}, {2, 3, 3, 2})), {3}, {1, 2, 0});
}

TEST(Sort, FlattensForNoAxisAndPutsNanLast) {
  expect_tensor(apply_one("sort(%x) {axis=None}", tensor({2, 2}, {3, kNan, 1, 2})), {4}, {1, 2, 3, kNan});
  expect_tensor(apply_one("sort(%x) {is_ascend=False}", tensor({3}, {1, 3, 2})), {3}, {3, 2, 1});
}

TEST(Cumsum, RunsAlongTheAxisOrTheFlattenedTensor) {
  expect_tensor(apply_one("cumsum(%x) {axis=0}", small()), {2, 3}, {1, 2, 3, 5, 7, 9});
  expect_tensor(apply_one("cumsum(%x)", small()), {6}, {1, 3, 6, 10, 15, 21});
}

TEST(Histogram, TheLastBinHoldsItsUpperEdge) {
  const Tensor x = tensor({7}, {0, 0.5, 1, 2, 2.1, -0.1, kNan});
  const auto histogram = apply("_histogram(%x) {bin_cnt=2, range=(0, 2)}", x, 2);
  EXPECT_EQ(histogram[0].dtype(), DType::int64);
  expect_tensor(histogram[0], {2}, {2, 2});
  expect_tensor(histogram[1], {3}, {0, 1, 2});
}

}  // namespace
}  // namespace tenon
