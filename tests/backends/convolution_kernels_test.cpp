// Every way to convolve beside a sum in double precision, over shapes drawn at random. A bound is relative to the
// largest output; it grows with the window's terms and with the transform, and stands beside each test.

#include "backends/cpu/kernels/convolution.h"

#include <omp.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "backends/cpu/kernels/epilogue.h"
#include "core/half.h"

namespace tenon::cpu {
namespace {

constexpr std::uint32_t kSeed = 20260101;
constexpr std::int64_t kBlock = 16;

std::string describe(const ConvolutionProblem& p) {
  return fmt::format(
      "batch {} channels {} filters {} groups {} src {}x{}x{} dst {}x{}x{} kernel {}x{}x{} stride {},{},{} "
      "dilate {},{},{} pad {},{},{}{}",
      p.batch, p.channels, p.filters, p.groups, p.src[0], p.src[1], p.src[2], p.dst[0], p.dst[1], p.dst[2], p.kernel[0],
      p.kernel[1], p.kernel[2], p.stride[0], p.stride[1], p.stride[2], p.dilate[0], p.dilate[1], p.dilate[2], p.pad[0],
      p.pad[1], p.pad[2], p.narrow ? ", bfloat16" : "");
}

using Doubles = std::vector<double>;

/// Row-major, straight from the definition.
Doubles convolve(const ConvolutionProblem& p, const std::vector<float>& src, const std::vector<float>& weight) {
  Doubles dst;
  const std::int64_t group_channels = p.channels / p.groups, group_filters = p.filters / p.groups;
  for (std::int64_t n = 0; n < p.batch; ++n) {
    for (std::int64_t f = 0; f < p.filters; ++f) {
      for_each_position(p.dst, [&](const Extent& at) {
        double sum = 0;
        for (std::int64_t c = 0; c < group_channels; ++c) {
          const std::int64_t channel = f / group_filters * group_channels + c;
          for_each_position(p.kernel, [&](const Extent& tap) {
            Extent from;
            for (std::size_t i = 0; i < 3; ++i) from[i] = at[i] * p.stride[i] + tap[i] * p.dilate[i] - p.pad[i];
            if (!contains(p.src, from)) return;
            const std::int64_t s = (n * p.channels + channel) * product(p.src) + offset(p.src, from);
            const std::int64_t w = (f * group_channels + c) * product(p.kernel) + offset(p.kernel, tap);
            sum += static_cast<double>(src[static_cast<std::size_t>(s)]) * weight[static_cast<std::size_t>(w)];
          });
        }
        dst.push_back(sum);
      });
    }
  }
  return dst;
}

/// The transpose.
Doubles deconvolve(const ConvolutionProblem& p, const std::vector<float>& src, const std::vector<float>& weight) {
  Doubles dst(static_cast<std::size_t>(p.batch * p.filters * product(p.dst)), 0.0);
  const std::int64_t group_channels = p.channels / p.groups, group_filters = p.filters / p.groups;
  for (std::int64_t plane = 0; plane < p.batch * p.channels; ++plane) {
    const std::int64_t n = plane / p.channels, channel = plane % p.channels;
    for_each_position(p.src, [&](const Extent& at) {
      const double x = src[static_cast<std::size_t>(plane * product(p.src) + offset(p.src, at))];
      for_each_position(p.kernel, [&](const Extent& tap) {
        Extent to;
        for (std::size_t i = 0; i < 3; ++i) to[i] = at[i] * p.stride[i] + tap[i] * p.dilate[i] - p.pad[i];
        if (!contains(p.dst, to)) return;
        for (std::int64_t f = 0; f < group_filters; ++f) {
          const std::int64_t w = (channel * group_filters + f) * product(p.kernel) + offset(p.kernel, tap);
          const std::int64_t filter = channel / group_channels * group_filters + f;
          dst[static_cast<std::size_t>((n * p.filters + filter) * product(p.dst) + offset(p.dst, to))] +=
              x * weight[static_cast<std::size_t>(w)];
        }
      });
    });
  }
  return dst;
}

/// Floats aligned to a cache line with a guard behind them that has to stay as it is.
class Memory {
 public:
  explicit Memory(std::int64_t floats) : floats_(floats), memory_(static_cast<std::size_t>(floats) + 32, kGuard) {}
  float* data() { return memory_.data() + (64 - reinterpret_cast<std::uintptr_t>(memory_.data()) % 64) / 4 % 16; }
  void expect_guarded() {
    for (float* at = data() + floats_; at < memory_.data() + memory_.size(); ++at) ASSERT_EQ(*at, kGuard);
  }

 private:
  static constexpr float kGuard = -12345;
  std::int64_t floats_;
  std::vector<float> memory_;
};

std::int64_t blocked_index(std::int64_t n, std::int64_t c, std::int64_t pixel, std::int64_t channels,
                           std::int64_t pixels) {
  return ((n * ((channels + 15) / 16) + c / kBlock) * pixels + pixel) * kBlock + c % kBlock;
}

std::vector<float> draw(std::mt19937& random, std::int64_t count) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = uniform(random);
  return values;
}

/// Floats in blocks of 16 channels, which a narrow problem has as bfloat16.
class Blocks {
 public:
  Blocks(std::int64_t batch, std::int64_t channels, std::int64_t pixels, bool narrow)
      : channels_(channels), pixels_(pixels), narrow_(narrow), memory_(floats(batch, channels, pixels, narrow)) {}

  void fill(const std::vector<float>& values) {
    std::memset(memory_.data(), 0, static_cast<std::size_t>(floats(batch(values), channels_, pixels_, narrow_)) * 4);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t at = index(static_cast<std::int64_t>(i));
      if (narrow_) {
        reinterpret_cast<bfloat16*>(memory_.data())[at] = to_bfloat16(values[i]);
      } else {
        memory_.data()[at] = values[i];
      }
    }
  }
  float at(std::int64_t n, std::int64_t c, std::int64_t pixel) {
    const auto i = static_cast<std::size_t>(blocked_index(n, c, pixel, channels_, pixels_));
    return narrow_ ? to_float(reinterpret_cast<bfloat16*>(memory_.data())[i]) : memory_.data()[i];
  }
  Memory& memory() { return memory_; }
  float* data() { return memory_.data(); }

 private:
  static std::int64_t floats(std::int64_t batch, std::int64_t channels, std::int64_t pixels, bool narrow) {
    return batch * ((channels + 15) / 16) * pixels * (narrow ? 8 : 16);
  }
  std::int64_t batch(const std::vector<float>& values) const {
    return static_cast<std::int64_t>(values.size()) / (channels_ * pixels_);
  }
  std::size_t index(std::int64_t row_major) const {
    const std::int64_t plane = row_major / pixels_;
    return static_cast<std::size_t>(
        blocked_index(plane / channels_, plane % channels_, row_major % pixels_, channels_, pixels_));
  }

  std::int64_t channels_, pixels_;
  bool narrow_;
  Memory memory_;
};

void round_to_bfloat16(std::vector<float>& values) {
  for (float& value : values) value = to_float(to_bfloat16(value));
}

/// One result, alone or with a residual, may leave the registers by another way; it has to be the same to the bit.
/// `dst` holds x + bias, `residual` anything that is zero behind the last filter.
void expect_same_alone(const Convolution& convolution, const ConvolutionProblem& p, Isa isa, const float* src,
                       const float* packed, float* workspace, const float* bias, Memory& dst, Memory& residual) {
  const std::int64_t count = p.batch * p.dst_blocks() * kBlock * product(p.dst);
  for (const bool adds : {false, true}) {
    const Epilogue epilogue(parse_expressions(adds ? "relu(add(add(x, $0), $1))" : "relu(add(x, $0))"),
                            adds ? std::vector<EpilogueOperand>{{true, DType::float32}, {false, DType::float32}}
                                 : std::vector<EpilogueOperand>{{true, DType::float32}},
                            {DType::float32}, p.filters, isa);
    std::vector<std::byte> vectors(epilogue.workspace_bytes());
    Memory alone(count);
    const void* operands[] = {bias, residual.data()};
    void* outputs[] = {alone.data()};
    const BoundEpilogue bound =
        epilogue.bind(std::span<const void* const>(operands, adds ? 2 : 1), outputs, vectors.data());
    ASSERT_TRUE(bound.common);
    convolution.run(src, packed, bound, workspace);
    alone.expect_guarded();
    for (std::int64_t i = 0; i < count; ++i) {
      const float sum = adds ? dst.data()[i] + residual.data()[i] : dst.data()[i];
      ASSERT_EQ(alone.data()[i], std::max(sum, 0.0f)) << "element " << i << (adds ? " with a residual" : "");
    }
  }
}

/// The largest error relative to the largest output. What a narrow problem reads is rounded beforehand; every second
/// one writes narrow results, whose last rounding is no error.
double error_of(const Convolution& convolution, const ConvolutionProblem& p, Isa isa, std::mt19937& random,
                decltype(&convolve) formula) {
  const std::int64_t src_pixels = product(p.src), dst_pixels = product(p.dst);
  std::vector<float> src = draw(random, p.batch * p.channels * src_pixels);
  std::vector<float> weight = draw(random, p.filters * (p.channels / p.groups) * product(p.kernel));
  const std::vector<float> bias = draw(random, p.filters);
  if (p.narrow && !convolution.row_major_src()) {
    round_to_bfloat16(src);
    round_to_bfloat16(weight);
  }
  const bool narrow_dst = p.narrow && random() % 2 == 0;

  Blocks blocked(p.batch, p.channels, src_pixels, p.narrow);
  blocked.fill(src);
  Memory packed(static_cast<std::int64_t>(convolution.packed_floats()));
  convolution.pack(weight.data(), packed.data());
  Memory workspace(static_cast<std::int64_t>(convolution.workspace_bytes() / sizeof(float)));
  Blocks dst(p.batch, p.filters, dst_pixels, narrow_dst), second(p.batch, p.filters, dst_pixels, narrow_dst);

  // Two outputs, the second of which tells the order of x, the bias and the clamp.
  const Epilogue epilogue(parse_expressions("add(x, $0); relu(fma(y0, -1, 0))"), {{true, DType::float32}},
                          std::vector<DType>(2, narrow_dst ? DType::bfloat16 : DType::float32), p.filters, isa);
  std::vector<std::byte> vectors(epilogue.workspace_bytes());
  const void* operands[] = {bias.data()};
  void* outputs[] = {dst.data(), second.data()};
  convolution.run(convolution.row_major_src() ? src.data() : blocked.data(), packed.data(),
                  epilogue.bind(operands, outputs, vectors.data()), workspace.data());
  for (Memory* memory : {&packed, &workspace, &dst.memory(), &second.memory()}) memory->expect_guarded();
  if (!p.narrow) {
    expect_same_alone(convolution, p, isa, convolution.row_major_src() ? src.data() : blocked.data(), packed.data(),
                      workspace.data(), bias.data(), dst.memory(), second.memory());
  }

  const Doubles expected = formula(p, src, weight);
  double error = 0, largest = 0;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(expected.size()); ++i) {
    const std::int64_t plane = i / dst_pixels, f = plane % p.filters;
    const float value = dst.at(plane / p.filters, f, i % dst_pixels);
    const double sum = expected[static_cast<std::size_t>(i)];
    const double want = sum + bias[static_cast<std::size_t>(f)];
    largest = std::max(largest, std::abs(sum));
    error = std::max(error, std::abs(value - want) - (narrow_dst ? std::abs(want) / 256 : 0));
    EXPECT_EQ(second.at(plane / p.filters, f, i % dst_pixels), std::max(-value, 0.0f));
  }
  for (std::int64_t n = 0; n < p.batch; ++n) {  // behind the last filter
    for (std::int64_t f = p.filters; f < p.dst_blocks() * kBlock; ++f) {
      for (std::int64_t pixel = 0; pixel < dst_pixels; ++pixel) {
        EXPECT_EQ(dst.at(n, f, pixel), 0) << "not zero behind the last filter";
      }
    }
  }
  return largest == 0 ? error : error / largest;  // a window may see nothing but the border
}

using Make = std::function<ConvolutionOffer(const ConvolutionProblem&, Isa)>;

/// Draws problems, runs those that are taken, on one thread and two, and checks that enough were. Those of bfloat16
/// come within the last bound; 0: there is no way for them.
void expect_accurate(const Make& make, const std::function<ConvolutionProblem(std::mt19937&)>& draw_problem,
                     int problems, double float_bound, double narrow_bound, decltype(&convolve) formula = convolve) {
  const int former = omp_get_max_threads();
  for (const auto& [isa, narrow] : {std::pair(Isa::avx2, false), {Isa::avx512, false}, {Isa::avx512, true}}) {
    if (isa > machine_isa() || (narrow && (narrow_bound == 0 || !machine_has_bfloat16()))) continue;
    const double bound = narrow ? narrow_bound : float_bound;
    std::mt19937 random(kSeed);
    double worst = 0;
    for (int i = 0; i < problems; ++i) {
      ConvolutionProblem problem = draw_problem(random);
      problem.narrow = narrow;
      omp_set_num_threads(1 + i % 2);
      const ConvolutionOffer offer = make(problem, isa);
      ASSERT_EQ(offer.index(), 0u) << describe(problem) << ": " << std::get<std::string>(offer);
      const double error = error_of(*std::get<0>(offer), problem, isa, random, formula);
      worst = std::max(worst, error);
      ASSERT_LE(error, bound) << name(isa) << ", seed " << kSeed << ", problem " << i << ": " << describe(problem);
      if (testing::Test::HasFailure()) FAIL() << name(isa) << ", problem " << i << ": " << describe(problem);
    }
    std::cout << fmt::format("{}{}: {} problems, worst error {:.2g} of the largest output, bound {:.2g}\n", name(isa),
                             narrow ? ", bfloat16" : "", problems, worst, bound);
  }
  omp_set_num_threads(former);
}

std::int64_t pick(std::mt19937& random, std::initializer_list<std::int64_t> among) {
  return among.begin()[random() % among.size()];
}
std::int64_t between(std::mt19937& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(high - low + 1));
}

/// Sets the destination's size; enlarges the source where the window would not fit.
void complete(ConvolutionProblem& p, const Extent& pad_end) {
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t reach = (p.kernel[i] - 1) * p.dilate[i] + 1;
    p.src[i] = std::max(p.src[i], reach - p.pad[i] - pad_end[i]);
    p.src[i] = std::max<std::int64_t>(p.src[i], 1);
    p.dst[i] = (p.src[i] + p.pad[i] + pad_end[i] - reach) / p.stride[i] + 1;
  }
}

ConvolutionProblem any_window(std::mt19937& random, std::int64_t channels) {
  ConvolutionProblem p;
  p.batch = between(random, 1, 3);
  p.channels = channels;
  p.filters = pick(random, {1, 3, 8, 16, 17, 32, 40});
  const int rank = static_cast<int>(pick(random, {1, 2, 2, 2, 2, 3}));
  Extent pad_end{0, 0, 0};
  for (auto i = static_cast<std::size_t>(3 - rank); i < 3; ++i) {
    p.kernel[i] = pick(random, {1, 2, 3, 3, 5, 7});
    p.stride[i] = pick(random, {1, 1, 2, 3});
    p.dilate[i] = pick(random, {1, 1, 1, 2});
    p.pad[i] = between(random, 0, p.kernel[i] - 1);
    pad_end[i] = between(random, 0, p.kernel[i] - 1);
    p.src[i] = rank == 3 ? between(random, 1, 7) : pick(random, {1, 2, 5, 7, 8, 13, 14, 15, 19, 28, 30});
  }
  if (rank == 3) p.filters = std::min<std::int64_t>(p.filters, 17);
  if (random() % 4 == 0) p.kernel = {1, 1, 1}, p.pad = pad_end = {0, 0, 0};
  complete(p, pad_end);
  return p;
}

// One rounding a term of a sum of up to 7 * 7 * 40 of them, in a fixed order.
TEST(Direct, AgreesWithDoublePrecision) {
  expect_accurate(
      make_direct,
      [](std::mt19937& random) {
        return any_window(random, pick(random, {1, 2, 3, 15, 16, 20, 32, 35}));
      },
      300, 2e-6, 2e-6);
}

TEST(Direct, TakesGroupsOfAnySize) {
  expect_accurate(
      make_direct,
      [](std::mt19937& random) {
        ConvolutionProblem p = any_window(random, 1);
        p.groups = pick(random, {2, 3, 4, 8, 32});
        p.channels = p.groups * pick(random, {1, 2, 4, 5, 16});
        p.filters = p.groups * pick(random, {1, 2, 4, 7});
        return p;
      },
      100, 2e-6, 2e-6);
}

// Weights beyond the L2 cache stream by in another order, and batches are taken in groups.
TEST(Direct, TakesLargeWeightsAndBatches) {
  for (const auto& [channels, filters, size, batch] : std::vector<std::array<std::int64_t, 4>>{
           {160, 144, 4, 5}, {512, 64, 1, 3}, {256, 100, 2, 2}, {24, 24, 1, 70}, {16, 16, 20, 6}}) {
    expect_accurate(
        make_direct,
        [&](std::mt19937&) {
          ConvolutionProblem p;
          p.batch = batch;
          p.channels = channels;
          p.filters = filters;
          p.src = p.dst = {1, size, size};
          p.kernel = {1, 3, 3};
          p.pad = {0, 1, 1};
          return p;
        },
        2, 4e-6, 4e-6);
  }
}

TEST(Planar, AgreesWithDoublePrecision) {
  expect_accurate(
      make_planar,
      [](std::mt19937& random) {
        ConvolutionProblem p = any_window(random, pick(random, {1, 3, 4, 8}));
        while (p.stride[2] == 3) p = any_window(random, p.channels);
        return p;
      },
      200, 2e-6, 2e-6);
}

ConvolutionProblem small_window(std::mt19937& random, std::int64_t stride) {
  ConvolutionProblem p;
  p.batch = between(random, 1, 3);
  p.channels = pick(random, {1, 5, 16, 24, 35});
  p.filters = pick(random, {1, 7, 16, 33});
  p.kernel = {1, 3, 3};
  p.src = {1, between(random, 1, 15), between(random, 1, 15)};
  p.pad = {0, between(random, 0, 2), between(random, 0, 2)};
  p.stride = {1, stride, stride};
  complete(p, {0, between(random, 0, 2), between(random, 0, 2)});
  return p;
}

/// The bound grows with the numbers in the transforms: 4 for the tiles of 4, 8 in the way back. Of bfloat16 two
/// roundings to 8 bits stand at every point; few channels, as some problems have, do not average them out.
class WinogradTest : public testing::TestWithParam<std::tuple<WinogradTiles, double>> {};

TEST_P(WinogradTest, AgreesWithDoublePrecision) {
  const auto [tiles, bound] = GetParam();
  std::int64_t block = 0;
  expect_accurate(
      [&, tiles = tiles](const ConvolutionProblem& problem, Isa isa) {
        block = block == 0 ? 5 : 0;
        return make_winograd(problem, tiles, isa, block);
      },
      [tiles = tiles](std::mt19937& random) {
        const bool phases = tiles == WinogradTiles::phases22 || tiles == WinogradTiles::phases44;
        ConvolutionProblem p = small_window(random, phases ? 2 : 1);
        while (tiles == WinogradTiles::mixed &&
               (p.dst[1] < 4 || p.dst[2] < 4 || p.dst[1] % 4 < 2 || p.dst[1] % 4 != p.dst[2] % 4)) {
          p = small_window(random, 1);
        }
        return p;
      },
      120, bound, tiles == WinogradTiles::f22 || tiles == WinogradTiles::phases22 ? 2e-2 : 0);
}

INSTANTIATE_TEST_SUITE_P(Tiles, WinogradTest,
                         testing::Values(std::tuple(WinogradTiles::f22, 3e-6), std::tuple(WinogradTiles::f33, 1e-5),
                                         std::tuple(WinogradTiles::f44, 2e-5), std::tuple(WinogradTiles::f66, 2e-5),
                                         std::tuple(WinogradTiles::f42, 1e-5), std::tuple(WinogradTiles::mixed, 2e-5),
                                         std::tuple(WinogradTiles::phases22, 3e-6),
                                         std::tuple(WinogradTiles::phases44, 1e-5)));

// Eight points up to 2 along one direction, with more taps that add up.
TEST(WinogradLine, AgreesWithDoublePrecision) {
  std::int64_t block = 0;
  expect_accurate(
      [&](const ConvolutionProblem& problem, Isa isa) {
        block = block == 0 ? 5 : 0;
        return make_winograd(problem, WinogradTiles::line, isa, block);
      },
      [](std::mt19937& random) {
        ConvolutionProblem p = small_window(random, 1);
        const std::int64_t taps = pick(random, {3, 7});
        const std::int64_t before = between(random, 0, taps - 1), behind = between(random, 0, taps - 1);
        const bool down = random() % 2 == 0;
        p.kernel = down ? Extent{1, taps, 1} : Extent{1, 1, taps};
        p.pad = down ? Extent{0, before, 0} : Extent{0, 0, before};
        complete(p, down ? Extent{0, behind, 0} : Extent{0, 0, behind});
        return p;
      },
      200, 2e-5, 0);
}

TEST(WinogradLine, RefusesWithAReason) {
  ConvolutionProblem p;
  p.channels = p.filters = 16;
  p.kernel = {1, 1, 5};
  const auto reason = [&] { return std::get<std::string>(make_winograd(p, WinogradTiles::line, machine_isa())); };
  EXPECT_EQ(reason(), "the window is 1x1x5, not a line of 3 or 7 along a map");
  p.kernel = {7, 1, 1};
  EXPECT_EQ(reason(), "the window is 7x1x1, not a line of 3 or 7 along a map");
}

TEST(Winograd, RefusesWithAReason) {
  ConvolutionProblem p;
  p.channels = p.filters = 16;
  const auto reason = [&](WinogradTiles tiles) {
    return std::get<std::string>(make_winograd(p, tiles, machine_isa()));
  };
  p.kernel = {1, 3, 5};
  EXPECT_EQ(reason(WinogradTiles::f44), "the window is 1x3x5, not 3x3");
  p.kernel = {1, 3, 3};
  p.stride = {1, 2, 2};
  EXPECT_EQ(reason(WinogradTiles::f44), "the stride is 2x2, not 1");
  p.stride = {1, 1, 1};
  p.src = p.dst = {1, 56, 56};
  EXPECT_EQ(reason(WinogradTiles::mixed),
            "a map of 56x56 is not made of tiles of 4 and one last row and column of 2 or 3");
}

TEST(Depthwise, AgreesWithDoublePrecision) {
  expect_accurate(
      make_depthwise,
      [](std::mt19937& random) {
        ConvolutionProblem p = any_window(random, 1);
        while (p.kernel[0] != 1 || p.src[0] != 1) p = any_window(random, 1);
        p.groups = p.channels = p.filters = pick(random, {1, 2, 15, 16, 17, 32, 50});
        return p;
      },
      300, 2e-6, 2e-6);
}

ConvolutionProblem any_transposed_window(std::mt19937& random) {
  ConvolutionProblem p = any_window(random, 1);
  p.groups = pick(random, {1, 1, 1, 2, 3, 8});
  p.channels = p.groups * pick(random, {1, 2, 5, 15, 16, 20});
  p.filters = p.groups * pick(random, {1, 3, 4, 16, 17});
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t reach = (p.kernel[i] - 1) * p.dilate[i] + 1, whole = (p.src[i] - 1) * p.stride[i] + reach;
    p.pad[i] = between(random, 0, std::min(reach - 1, whole - 1));
    const std::int64_t pad_end = between(random, 0, std::min(reach - 1, whole - p.pad[i] - 1));
    p.dst[i] = whole - p.pad[i] - pad_end + between(random, 0, p.stride[i] - 1);
  }
  return p;
}

TEST(Deconvolution, AgreesWithDoublePrecision) {
  expect_accurate(make_deconvolution, any_transposed_window, 400, 2e-6, 2e-6, deconvolve);
}

// Window elements that no output sees, outputs that see none, one pixel, and a last element beyond the source.
TEST(Deconvolution, TakesWhatTheStrideLeavesEmpty) {
  int drawn = 0;
  expect_accurate(
      make_deconvolution,
      [&](std::mt19937& random) {
        ConvolutionProblem p;
        p.channels = 20;
        p.filters = 18;
        const std::int64_t size = between(random, 1, 3);
        p.src = {1, size, size};
        p.stride = {1, 4, 5};
        p.kernel = {1, 1 + drawn % 2, 3};
        p.dilate = {1, 2, 1 + drawn % 3};
        p.dst = {1, (size - 1) * 4 + 4, drawn % 4 == 0 ? 2 : (size - 1) * 5 + 3};
        p.pad = {0, drawn % 2, 0};
        ++drawn;
        return p;
      },
      60, 2e-6, 2e-6, deconvolve);
}

TEST(Depthwise, RefusesWithAReason) {
  ConvolutionProblem p;
  p.channels = p.filters = 64;
  p.groups = 2;
  EXPECT_EQ(std::get<std::string>(make_depthwise(p, machine_isa())),
            "num_group is 2, but there are 64 channels and 64 filters");
}

// Seven points up to 2 in both directions: numbers up to 8 in the way back, a few digits more lost than by F(4,3).
TEST(Stem, AgreesWithDoublePrecision) {
  expect_accurate(
      make_stem,
      [](std::mt19937& random) {
        ConvolutionProblem p;
        p.batch = between(random, 1, 2);
        p.channels = between(random, 1, 4);
        p.filters = pick(random, {1, 16, 24, 32});
        p.kernel = {1, 7, 7};
        p.stride = {1, 2, 2};
        p.src = {1, between(random, 1, 40), random() % 8 == 0 ? between(random, 220, 240) : between(random, 1, 40)};
        p.pad = {0, between(random, 0, 4), between(random, 0, 4)};
        complete(p, {0, between(random, 0, 4), between(random, 0, 4)});
        return p;
      },
      120, 3e-5, 3e-5);
}

TEST(Planar, RefusesWithAReason) {
  ConvolutionProblem p;
  p.channels = p.filters = 64;
  EXPECT_EQ(std::get<std::string>(make_planar(p, machine_isa())), "the data has 64 channels, more than 8");
  p.channels = 3;
  p.stride[2] = 3;
  EXPECT_EQ(std::get<std::string>(make_planar(p, machine_isa())), "the stride along a row is 3, not 1, 2 or 4");
}

}  // namespace
}  // namespace tenon::cpu
