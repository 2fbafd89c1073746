#include <gmock/gmock.h>

#include <cmath>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Tensor pool(const std::string& attributes, Tensor data, const std::string& op = "Pooling") {
  return evaluate("%x = variable\n%pool = " + op + "(%x) {" + attributes + "}\nreturn %pool\n",
                  {{"x", std::move(data)}})[0];
}

Tensor row(std::vector<double> elements) {
  const auto size = static_cast<std::int64_t>(elements.size());
  return tensor({1, 1, size}, std::move(elements));
}

TEST(Pooling, ValidRoundsDownAndFullRoundsUp) {
  expect_tensor(pool("kernel=(2,), stride=(2,)", row({1, 2, 3, 4, 5})), {1, 1, 2}, {2, 4});
  expect_tensor(pool("kernel=(2,), stride=(2,), pooling_convention=full", row({1, 2, 3, 4, 5})), {1, 1, 3}, {2, 4, 5});
}

TEST(Pooling, FullAverageDividesByTheWindowClippedAtThePaddedBorder) {
  // Padded: 0 1 2 3 4 0. Windows of 3, stride 2: 0 1 2 | 2 3 4 | 4 0, the last one clipped to two.
  expect_tensor(pool("kernel=(3,), stride=(2,), pad=(1,), pool_type=avg, pooling_convention=full", row({1, 2, 3, 4})),
                {1, 1, 3}, {1, 3, 2});
}

TEST(Pooling, CountIncludePadAbsentMeansTrue) {
  expect_tensor(pool("kernel=(2,), stride=(2,), pad=(1,), pool_type=avg", row({2, 4})), {1, 1, 2}, {1, 2});
  expect_tensor(pool("kernel=(2,), stride=(2,), pad=(1,), pool_type=avg, count_include_pad=True", row({2, 4})),
                {1, 1, 2}, {1, 2});
  expect_tensor(pool("kernel=(2,), stride=(2,), pad=(1,), pool_type=avg, count_include_pad=False", row({2, 4})),
                {1, 1, 2}, {2, 4});
}

TEST(Pooling, MaximumIgnoresThePad) {
  expect_tensor(pool("kernel=(2,), stride=(2,), pad=(1,)", row({-3, -5})), {1, 1, 2}, {-3, -5});
}

TEST(Pooling, AWindowBeyondTheDataGivesTheLowestNumberOrZero) {
  const std::string far = "kernel=(1,), stride=(3,), pooling_convention=full";
  expect_tensor(pool(far, row({1, 1, 1, 1, 1})), {1, 1, 3}, {1, 1, -3.4028234663852886e38});
  expect_tensor(pool(far + ", pool_type=avg", row({1, 1, 1, 1, 1})), {1, 1, 3}, {1, 1, 0});
}

TEST(Pooling, GlobalPoolIgnoresKernelStridePadAndConvention) {
  expect_tensor(
      pool("global_pool=True, pool_type=avg, kernel=(7, 7), stride=(2, 2), pad=(3, 3), pooling_convention=full",
           tensor({1, 2, 1, 2}, {1, 3, 10, 30})),
      {1, 2, 1, 1}, {2, 20});
  expect_tensor(pool("global_pool=True", tensor({1, 2, 1, 2}, {1, 3, 10, 30})), {1, 2, 1, 1}, {3, 30});
}

TEST(Pooling, SumDoesNotDivideAndLpTakesNoAbsoluteValue) {
  expect_tensor(pool("kernel=(2,), pool_type=sum", row({1, 2, 3})), {1, 1, 2}, {3, 5});
  expect_tensor(pool("kernel=(2,), pool_type=lp, p_value=2", row({3, -4})), {1, 1, 1}, {5});
  expect_tensor(pool("kernel=(2,), pool_type=lp, p_value=1", row({3, -4})), {1, 1, 1}, {-1});
  expect_tensor(pool("kernel=(2,), pool_type=lp, p_value=3", row({-1, -1})), {1, 1, 1}, {std::cbrt(-2.0)});
}

TEST(Pooling, TakesChannelsLast) {
  expect_tensor(pool("kernel=(2,), stride=(2,), layout=NWC", tensor({1, 4, 2}, {1, 10, 2, 20, 3, 30, 4, 40})),
                {1, 2, 2}, {2, 20, 4, 40});
}

TEST(Pooling, RefusesWithTheNumbers) {
  const auto refused = [](const std::string& attributes, Shape shape) {
    const auto count = static_cast<std::size_t>(shape.elements());
    return refusal([&] { pool(attributes, tensor(shape, std::vector<double>(count))); });
  };
  EXPECT_THAT(refused("kernel=(8, 8)", {2, 3, 6, 6}),
              AllOf(HasSubstr("node 'pool' (Pooling)"), HasSubstr("8"), HasSubstr("6")));
  EXPECT_THAT(refused("kernel=(2, 2)", {3, 4}), HasSubstr("(3,4)"));
  EXPECT_THAT(refused("kernel=(2,), pool_type=lp", {1, 2, 7}), HasSubstr("p_value"));
  EXPECT_THAT(refused("kernel=(2,), pooling_convention=same", {1, 2, 7}), HasSubstr("same"));
  EXPECT_THAT(refused("pool_type=max", {1, 1, 4}), HasSubstr("kernel=()"));
}

TEST(PoolingV1, ZerosOfThePadCompeteAndAnAverageDividesByTheKernel) {
  const auto negative = tensor({1, 1, 2, 2}, {-1, -2, -3, -4});
  expect_tensor(pool("kernel=(2, 2), stride=(2, 2), pad=(1, 1)", negative, "Pooling_v1"), {1, 1, 2, 2}, {0, 0, 0, 0});
  const auto ones = tensor({1, 1, 3, 3}, std::vector<double>(9, 1));
  expect_tensor(pool("kernel=(2, 2), stride=(2, 2), pool_type=avg, pooling_convention=full", ones, "Pooling_v1"),
                {1, 1, 2, 2}, {1, 0.5, 0.5, 0.25});
}

}  // namespace
}  // namespace tenon
