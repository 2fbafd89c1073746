#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using Feeds = std::map<std::string, Tensor>;

Tensor end(double value) {
  return tensor({1}, {value});
}

/// `%y = CALL` over the feeds, each a variable of its name; all three outputs.
std::vector<Tensor> quantized(const std::string& call, const Feeds& feeds) {
  std::string text;
  for (const auto& [name, feed] : feeds) text += "%" + name + " = variable\n";
  return evaluate(text + "%y = " + call + "\nreturn %y#0, %y#1, %y#2\n", feeds);
}

TEST(Quantize, TakesTheGivenRangeAndSaturates) {
  const Feeds feeds = {{"x", tensor({4}, {-9, -1, 0.1, 9})}, {"lo", end(-2)}, {"hi", end(1)}};
  const auto results = quantized("_contrib_quantize(%x, %lo, %hi) {out_type=int8}", feeds);
  EXPECT_EQ(results[0].dtype(), DType::int8);
  // 127 / 2 = 63.5 a unit, halves to even.
  expect_tensor(results[0], {4}, {-128, -64, 6, 127});
  expect_tensor(results[1], {1}, {-2});
  expect_tensor(results[2], {1}, {2});
}

TEST(Quantize, V2CountsHalfALevelMoreAndFindsItsRange) {
  const auto results = quantized("_contrib_quantize_v2(%x)", {{"x", tensor({3}, {-1, 0.5, 4})}});
  // 127.5 / 4 = 31.875 a unit.
  expect_tensor(results[0], {3}, {-32, 16, 127});
  expect_tensor(results[1], {1}, {-4});
}

TEST(Quantize, AutoIsUnsignedForACalibratedRangeWithoutNegatives) {
  const Tensor x = tensor({2}, {-1, 2});
  const auto type = [&](const std::string& range) {
    return quantized("_contrib_quantize_v2(%x) {out_type=auto" + range + "}", {{"x", x}})[0].dtype();
  };
  EXPECT_EQ(type(", min_calib_range=0, max_calib_range=4"), DType::uint8);
  EXPECT_EQ(type(", min_calib_range=-1, max_calib_range=4"), DType::int8);
  EXPECT_EQ(type(""), DType::int8);
}

TEST(Quantize, NothingButZerosStaysZero) {
  expect_tensor(quantized("_contrib_quantize_v2(%x)", {{"x", tensor({2}, {0, 0})}})[0], {2}, {0, 0});
}

TEST(Dequantize, RefusesRealNumbersWithASentence) {
  const Feeds feeds = {{"x", tensor({1}, {1})}, {"lo", end(-2)}, {"hi", end(2)}};
  EXPECT_THAT(refusal([&] {
                evaluate(
                    "%x = variable\n%lo = variable\n%hi = variable\n%y = _contrib_dequantize(%x, %lo, %hi)\n"
                    "return %y\n",
                    feeds);
              }),
              testing::AllOf(testing::HasSubstr("'y' (_contrib_dequantize)"), testing::HasSubstr("float32")));
}

TEST(QuantizedConvolution, SumsIntegersAndAddsTheBiasAsItIs) {
  const Feeds feeds = {{"x", tensor({1, 1, 1, 3}, {200, 10, 3}, DType::uint8)},
                       {"w", tensor({1, 1, 1, 2}, {-100, 50}, DType::int8)},
                       {"b", tensor({1}, {7}, DType::int8)},
                       {"xl", end(0)},
                       {"xh", end(3)},
                       {"wl", end(-1)},
                       {"wh", end(1)},
                       {"bl", end(-1)},
                       {"bh", end(1)}};
  const auto results = quantized(
      "_contrib_quantized_conv(%x, %w, %b, %xl, %xh, %wl, %wh, %bl, %bh) {kernel=(1, 2), num_filter=1}", feeds);
  EXPECT_EQ(results[0].dtype(), DType::int32);
  expect_tensor(results[0], {1, 1, 1, 2}, {-19493, -843});
  expect_tensor(results[2], {1}, {3.0 / 127 / 127 * 2147483647.0});
}

TEST(QuantizedPooling, AveragesRoundHalvesToEven) {
  const Feeds feeds = {{"x", tensor({1, 1, 1, 4}, {2, 3, 3, 4}, DType::int8)}, {"lo", end(-2)}, {"hi", end(2)}};
  const auto results =
      quantized("_contrib_quantized_pooling(%x, %lo, %hi) {kernel=(1, 2), stride=(1, 2), pool_type=avg}", feeds);
  EXPECT_EQ(results[0].dtype(), DType::int8);
  expect_tensor(results[0], {1, 1, 1, 2}, {2, 4});
}

TEST(QuantizedAdd, KeepsThirtyTwoBitsWithoutCalibration) {
  const Feeds feeds = {{"l", tensor({2}, {127, -1}, DType::int8)},
                       {"r", tensor({2}, {127, 1}, DType::int8)},
                       {"ll", end(-1)},
                       {"lh", end(1)},
                       {"rl", end(-1)},
                       {"rh", end(1)}};
  const auto results = quantized("_contrib_quantized_elemwise_add(%l, %r, %ll, %lh, %rl, %rh)", feeds);
  EXPECT_EQ(results[0].dtype(), DType::int32);
  expect_tensor(results[0], {2}, {254 / 255.0 * 0x1p31, 0}, 1e-6);
  expect_tensor(results[2], {1}, {2});
}

}  // namespace
}  // namespace tenon
