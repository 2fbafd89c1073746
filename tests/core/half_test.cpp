#include "core/half.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace tenon {
namespace {

TEST(Half, EveryFloat16SurvivesTheWayThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float16 half{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(half);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(to_float(to_float16(wide))));
    } else {
      ASSERT_EQ(to_float16(wide).bits, bits) << wide;
    }
  }
}

TEST(Half, Float16RoundsToNearestEven) {
  EXPECT_EQ(to_float16(1.0f).bits, 0x3c00);
  EXPECT_EQ(to_float16(1.0f + 0x1p-11f).bits, 0x3c00) << "a tie goes to the even neighbour below";
  EXPECT_EQ(to_float16(1.0f + 3 * 0x1p-11f).bits, 0x3c02) << "a tie goes to the even neighbour above";
  EXPECT_EQ(to_float16(65504.0f).bits, 0x7bff);
  EXPECT_EQ(to_float16(65519.9f).bits, 0x7bff);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7c00) << "half way past the largest value is infinity";
  EXPECT_EQ(to_float16(0x1p-25f).bits, 0x0000);
  EXPECT_EQ(to_float16(1.5f * 0x1p-25f).bits, 0x0001);
  EXPECT_EQ(to_float16(-0.0f).bits, 0x8000);
}

TEST(Half, EveryBfloat16SurvivesTheWayThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bfloat16 half{static_cast<std::uint16_t>(bits)};
    if (!std::isnan(to_float(half))) {
      ASSERT_EQ(to_bfloat16(to_float(half)).bits, bits);
    }
  }
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace
}  // namespace tenon
