#include "conformance/compare.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "core/half.h"

namespace tenon::conformance {
namespace {

using testing::HasSubstr;

Tensor floats(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::borrow_const(values.data(), Shape{count}, DType::float32).clone();
}

Expectation expect(Tensor golden, double rtol = 0, double atol = 0) {
  return {"y", std::move(golden), {}, rtol, atol};
}

TEST(Compare, HoldsEveryElementToItsOwnTolerance) {
  EXPECT_FALSE(difference(floats({1.0f, 100.5f}), expect(floats({1, 100}), 0.01)));
  const auto reason = difference(floats({1.5f, 100}), expect(floats({1, 100}), 0.01));
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, testing::AllOf(HasSubstr("max error 0.5"), HasSubstr("1 of 2"), HasSubstr("first at (0,)")));
}

TEST(Compare, TakesNanForNanOnly) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(difference(floats({nan}), expect(floats({nan}))));
  EXPECT_TRUE(difference(floats({nan}), expect(floats({1}), 1, 1e30)));
  EXPECT_TRUE(difference(floats({1}), expect(floats({nan}), 1, 1e30)));
}

TEST(Compare, TakesInfinityForTheSameInfinityOnly) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(difference(floats({infinity, -infinity}), expect(floats({infinity, -infinity}), 0.1)));
  EXPECT_TRUE(difference(floats({-infinity}), expect(floats({infinity}), 0.1)));
  EXPECT_TRUE(difference(floats({1e38f}), expect(floats({infinity}), 0.1)));
  EXPECT_TRUE(difference(floats({infinity}), expect(floats({1e38f}), 0.1)));
}

TEST(Compare, TakesMinusZeroForZero) {
  EXPECT_FALSE(difference(floats({-0.0f}), expect(floats({0.0f}))));
}

TEST(Compare, WantsTheShapeAndTheTypeExactly) {
  EXPECT_THAT(*difference(floats({1, 2}), expect(floats({1}), 1, 1)), HasSubstr("shape (2,) instead of (1,)"));
  EXPECT_THAT(*difference(floats({1}), expect(floats({1}).astype(DType::float64), 1, 1)), HasSubstr("type float32"));
  EXPECT_TRUE(difference(floats({1}), expect(floats({1}).reshaped(Shape::scalar()), 1, 1)));
}

TEST(Compare, SeesAnErrorOfOneInALargeInteger) {
  const std::int64_t large = (std::int64_t{1} << 62) + 1;
  const Tensor golden = Tensor::borrow_const(&large, Shape{1}, DType::int64);
  const std::int64_t near = large + 1;
  EXPECT_FALSE(difference(golden, expect(golden)));
  EXPECT_TRUE(difference(Tensor::borrow_const(&near, Shape{1}, DType::int64), expect(golden)));
}

TEST(Compare, TakesTheAlternativeOnlyAsAWhole) {
  Expectation expected = expect(floats({1, 2}));
  expected.alternative = floats({3, 4});
  EXPECT_FALSE(difference(floats({3, 4}), expected));
  EXPECT_TRUE(difference(floats({1, 4}), expected));
}

}  // namespace
}  // namespace tenon::conformance
