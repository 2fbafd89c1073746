// The functions of expressions, over their whole range, beside double precision.

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "backends/cpu/kernels/epilogue.h"

namespace tenon::cpu {
namespace {

struct Accuracy {
  const char* function;
  float low, high;
  double ulps;  ///< allowed, in units in the last place of the exact value
  double (*exact)(double);
};

std::vector<float> apply(const std::string& text, const std::vector<float>& src, Isa isa) {
  const Epilogue epilogue(parse_expressions(text), {}, {DType::float32}, 16, isa);
  std::vector<float> dst(src.size());
  void* to = dst.data();
  const BoundEpilogue bound = epilogue.bind({}, {&to, 1}, nullptr);
  Tile tile;
  tile.src = src.data();
  tile.rows = static_cast<int>(src.size() / 16);
  bound.apply(bound, tile);
  return dst;
}

double ulp(double exact) {
  const float value = std::abs(static_cast<float>(exact));
  return std::max(static_cast<double>(std::nextafter(value, INFINITY)) - static_cast<double>(value), 0x1p-149);
}

TEST(Math, ErrorsStayWithinBounds) {
  constexpr Accuracy functions[] = {
      {"exp(x)", -87, 88, 2, [](double x) { return std::exp(x); }},
      {"elu(x, 1)", -30, 0, 3, [](double x) { return std::expm1(x); }},
      {"sigmoid(x)", -80, 30, 4, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"tanh(x)", -12, 12, 4, [](double x) { return std::tanh(x); }},
      {"log(x)", 1e-30f, 100, 2, [](double x) { return std::log(x); }},
      {"softrelu(x)", -80, 40, 4, [](double x) { return std::log1p(std::exp(x)); }},
      {"erf(x)", -6, 6, 3, [](double x) { return std::erf(x); }},
  };
  constexpr int kPoints = 16 * 20000;
  for (const Accuracy& function : functions) {
    std::vector<float> src;
    for (int i = 0; i < kPoints; ++i) {
      // Half of them evenly, half of them near zero on both sides.
      const float even = function.low + (function.high - function.low) * static_cast<float>(i) / kPoints;
      const float small = std::ldexp(1.0f + static_cast<float>(i % 997) / 997, -(i / 16) % 40);
      const float near = i % 2 == 0 ? small : -small;
      src.push_back(i % 4 < 2 || near < function.low || near > function.high ? even : near);
    }
    for (const Isa isa : {Isa::avx2, Isa::avx512}) {
      if (isa > machine_isa()) continue;
      const auto dst = apply(function.function, src, isa);
      double worst = 0;
      float where = 0;
      for (int i = 0; i < kPoints; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double exact = function.exact(src[at]);
        const double error = std::abs(static_cast<double>(dst[at]) - exact) / ulp(exact);
        if (!(error <= worst)) worst = error, where = src[at];
      }
      EXPECT_LE(worst, function.ulps) << function.function << " at " << where << ", " << name(isa);
      RecordProperty(std::string(function.function) + " " + std::string(name(isa)), std::to_string(worst));
    }
  }
}

TEST(Math, LimitsAndNaNAreExact) {
  const float inf = INFINITY, nan = NAN;
  const struct {
    const char* function;
    float x, y;
  } cases[] = {
      {"exp(x)", inf, inf},      {"exp(x)", -inf, 0},
      {"exp(x)", nan, nan},      {"exp(x)", 0, 1},
      {"exp(x)", 89, inf},       {"sigmoid(x)", inf, 1},
      {"sigmoid(x)", -inf, 0},   {"sigmoid(x)", nan, nan},
      {"sigmoid(x)", 0, 0.5f},   {"tanh(x)", inf, 1},
      {"tanh(x)", -inf, -1},     {"tanh(x)", nan, nan},
      {"tanh(x)", 0, 0},         {"log(x)", 0, -inf},
      {"log(x)", 1, 0},          {"log(x)", inf, inf},
      {"log(x)", -1, nan},       {"log(x)", nan, nan},
      {"softrelu(x)", inf, inf}, {"softrelu(x)", -inf, 0},
      {"softrelu(x)", nan, nan}, {"softrelu(x)", 50, 50},
      {"erf(x)", inf, 1},        {"erf(x)", -inf, -1},
      {"erf(x)", nan, nan},      {"erf(x)", 0, 0},
      {"elu(x, 1)", -inf, -1},   {"elu(x, 1)", inf, inf},
      {"elu(x, 1)", nan, nan},   {"log(x)", 0x1p-149f, static_cast<float>(std::log(0x1p-149))},
  };
  for (const Isa isa : {Isa::avx2, Isa::avx512}) {
    if (isa > machine_isa()) continue;
    for (const auto& test : cases) {
      const float y = apply(test.function, std::vector<float>(16, test.x), isa)[3];
      EXPECT_TRUE(y == test.y || (std::isnan(y) && std::isnan(test.y)))
          << test.function << " of " << test.x << " is " << y << ", " << name(isa);
    }
  }
}

}  // namespace
}  // namespace tenon::cpu
