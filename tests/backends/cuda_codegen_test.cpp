// What can be known of the CUDA kernels without a GPU: the text that is generated, the cuts that are chosen, what NVRTC
// makes of every template, and how much of a processor that takes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "backends/cuda/codegen/compiler.h"
#include "backends/cuda/codegen/direct_plan.h"
#include "backends/cuda/codegen/layer_plan.h"
#include "backends/cuda/codegen/weights.h"
#include "core/error.h"
#include "core/half.h"

namespace tenon::cuda {
namespace {

using testing::HasSubstr;

EpilogueSpec residual() {
  return {parse_expressions("add(x, $0); relu(fma(y0, $1, $2))"), {false, true, true}, {true, true}};
}
EpilogueSpec scaled() {
  return {parse_expressions("relu(fma(x, $0, $1))"), {true, true}, {true}};
}

ConvolutionProblem square(int images, int src_channels, int size, int channels, int kernel, int stride,
                          Storage storage = Storage::f16) {
  ConvolutionProblem problem;
  problem.images = images;
  problem.src_channels = src_channels;
  problem.src_h = problem.src_w = size;
  problem.channels = channels;
  problem.kernel_h = problem.kernel_w = kernel;
  problem.stride_y = problem.stride_x = stride;
  problem.pad_y = problem.pad_x = kernel / 2;
  problem.dst_h = problem.dst_w = (size + 2 * (kernel / 2) - kernel) / stride + 1;
  problem.storage = storage;
  return problem;
}

TEST(CudaEpilogue, IsWrittenAsAStruct) {
  const std::string text = epilogue_source(residual(), "Main", false);
  EXPECT_THAT(text, HasSubstr("kOperands = 3, kOutputs = 2"));
  EXPECT_THAT(text, HasSubstr("per_channel(int k) { return k == 1 || k == 2; }"));
  EXPECT_THAT(text, HasSubstr("y[0] = (x + v[0]);"));
  EXPECT_THAT(text, HasSubstr("y[1] = relu(fmaf(y[0], v[1], v[2]));"));
}

TEST(CudaEpilogue, WritesConstantsByTheirBits) {
  const EpilogueSpec six{parse_expressions("min(max(x, 0), 6)"), {}, {true}};
  EXPECT_THAT(epilogue_source(six, "Main", false), HasSubstr("min_nan(max_nan(x, __uint_as_float(0x0u)), "
                                                             "__uint_as_float(0x40c00000u))"));
}

TEST(CudaEpilogue, KnowsEveryFunction) {
  for (const ExpressionFunction& function : expression_functions()) {
    std::vector<Expression> arguments(static_cast<std::size_t>(function.arity), source());
    const EpilogueSpec epilogue{{call(function.name, arguments)}, {}, {true}};
    EXPECT_NO_THROW(epilogue_source(epilogue, "Main", false)) << function.name;
  }
}

/// Element `index` of packed float16 weights.
float half_at(const std::vector<std::byte>& packed, std::size_t index) {
  float16 half;
  std::memcpy(&half, packed.data() + index * 2, 2);
  return to_float(half);
}

TEST(CudaWeights, LieInTheOrderTheTensorCoreReads) {
  // 40 channels of 32, 3 taps and a side tap, in blocks of 32 channels and chunks of 16.
  std::vector<float> main(40 * 32 * 3), side(40 * 32);
  std::iota(main.begin(), main.end(), 1.0f);
  std::ranges::transform(main, main.begin(), [](float v) { return to_float(to_float16(v / 7)); });
  std::iota(side.begin(), side.end(), 5000.0f);
  std::ranges::transform(side, side.begin(), [](float v) { return to_float(to_float16(v / 3)); });
  const auto packed =
      pack_weights({main, side, 40, 32, 3}, {WeightLayout::Order::units, 32, 16, 1, true}, Storage::f16);
  ASSERT_EQ(packed.size(), 2u * 2 * 4 * 2 * 32 * 8 * 2);
  for (const auto& [channel, src, tap] : {std::array{0, 0, 0}, {33, 20, 2}, {39, 31, 3}, {5, 9, 3}}) {
    const int block = channel / 32, chunk = src / 16, unit = src % 16 / 8;
    const int k = ((block * 2 + chunk) * 4 + tap) * 2 + unit;
    const float expected = tap == 3 ? side[static_cast<std::size_t>(channel * 32 + src)]
                                    : main[static_cast<std::size_t>((channel * 32 + src) * 3 + tap)];
    EXPECT_EQ(half_at(packed, static_cast<std::size_t>((k * 32 + channel % 32) * 8 + src % 8)), expected);
  }
  // Channel 40 is none: zeros.
  EXPECT_EQ(half_at(packed, static_cast<std::size_t>((1 * 2 * 4 * 2 * 32 + 8) * 8)), 0.0f);
}

/// Element `index` of packed float32 weights.
float float_at(const std::vector<std::byte>& packed, std::size_t index) {
  float value = 0;
  std::memcpy(&value, packed.data() + index * 4, 4);
  return value;
}

TEST(CudaWeights, SplitIntoTwoNumbersThatSumToThem) {
  // 32 channels of 8, one tap: two units of K.
  std::vector<float> weights(32 * 8);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<float>(i) + 1);
  const auto packed =
      pack_weights({weights, {}, 32, 8, 1}, {WeightLayout::Order::units, 32, 8, 1, false, true}, Storage::f32);
  ASSERT_EQ(packed.size(), 2 * weights.size() * 4);
  for (std::size_t channel = 0; channel < 32; ++channel) {
    for (std::size_t src = 0; src < 8; ++src) {
      const std::size_t at = (src / 4 * 2 * 32 + channel) * 4 + src % 4;
      const float high = float_at(packed, at), low = float_at(packed, at + 32 * 4), weight = weights[channel * 8 + src];
      EXPECT_EQ(std::bit_cast<std::uint32_t>(high) & 0x1fffu, 0u);
      EXPECT_EQ(std::bit_cast<std::uint32_t>(low) & 0x1fffu, 0u);
      EXPECT_NEAR(high, weight, std::abs(weight) * 0x1p-11);
      EXPECT_NEAR(high + static_cast<double>(low), weight, std::abs(weight) * 0x1p-22);
    }
  }
}

TEST(CudaWeights, RowsFollowTheLayoutOfTheirSource) {
  // 3 outputs of 10 channels of 2 pixels, in blocks of 8 outputs.
  std::vector<float> weights(3 * 10 * 2);
  std::iota(weights.begin(), weights.end(), 1.0f);
  const auto packed = pack_weights({weights, {}, 3, 10, 2}, {WeightLayout::Order::rows, 8, 0, 1, false}, Storage::f16);
  ASSERT_EQ(packed.size(), 8u * 32 * 2);
  EXPECT_EQ(half_at(packed, 2 * 32 + (1 * 2 + 1) * 8 + 1),
            weights[(2 * 10 + 9) * 2 + 1]);                        // output 2, channel 9, pixel 1
  EXPECT_EQ(half_at(packed, 2 * 32 + (1 * 2 + 1) * 8 + 2), 0.0f);  // channel 10 is none
  EXPECT_EQ(half_at(packed, 3 * 32), 0.0f);
}

TEST(CudaWeights, ChannelsLastFillUpFiltersAndChannels) {
  // 3 filters of 5 channels and 2 taps, both filled up to 8.
  std::vector<float> weights(3 * 5 * 2);
  std::iota(weights.begin(), weights.end(), 1.0f);
  const auto packed =
      pack_weights({weights, {}, 3, 5, 2}, {WeightLayout::Order::channels_last, 8, 8, 1, false}, Storage::f16);
  ASSERT_EQ(packed.size(), 8u * 2 * 8 * 2);
  EXPECT_EQ(half_at(packed, (2 * 2 + 1) * 8 + 4), weights[(2 * 5 + 4) * 2 + 1]);
  EXPECT_EQ(half_at(packed, (2 * 2 + 1) * 8 + 5), 0.0f);
  EXPECT_EQ(half_at(packed, 3 * 2 * 8), 0.0f);
}

TEST(CudaWeights, GroupsSpreadOverAllChannels) {
  // 4 filters in 2 groups of 3 channels, 2 taps.
  std::vector<float> weights(4 * 3 * 2);
  std::iota(weights.begin(), weights.end(), 1.0f);
  const std::vector<float> spread = spread_weights(weights, 4, 3, 2, 2);
  ASSERT_EQ(spread.size(), 4u * 6 * 2);
  for (std::size_t filter = 0; filter < 4; ++filter) {
    for (std::size_t channel = 0; channel < 6; ++channel) {
      for (std::size_t tap = 0; tap < 2; ++tap) {
        const bool own = channel / 3 == filter / 2;
        EXPECT_EQ(spread[(filter * 6 + channel) * 2 + tap], own ? weights[(filter * 3 + channel % 3) * 2 + tap] : 0);
      }
    }
  }
}

TEST(CudaWeights, DirectOnesLieByGroupsOfChannels) {
  // 10 channels of 3, 2 taps, in groups of 4; float32 whatever is stored.
  std::vector<float> weights(10 * 3 * 2);
  std::iota(weights.begin(), weights.end(), 1.0f);
  const auto packed =
      pack_weights({weights, {}, 10, 3, 2}, {WeightLayout::Order::direct, 4, 0, 1, false}, Storage::f16);
  ASSERT_EQ(packed.size(), 3u * 3 * 2 * 4 * 4);
  EXPECT_EQ(float_at(packed, ((1 * 3 + 2) * 2 + 1) * 4 + 3),
            weights[(7 * 3 + 2) * 2 + 1]);                 // channel 7 of plane 2, tap 1
  EXPECT_EQ(float_at(packed, (2 * 3 * 2) * 4 + 2), 0.0f);  // channel 10 is none
}

TEST(CudaWeights, StemPairsPixels) {
  std::vector<float> weights(2 * 3 * 49);
  std::iota(weights.begin(), weights.end(), 1.0f);
  const std::vector<float> packed = stem_weights(weights, 2, 3);
  // Channel 1, plane 2, row 4, column 5 is pixel 0 of pair 3.
  EXPECT_EQ(packed[static_cast<std::size_t>(((1 * 8 + 0 * 4 + 2) * 7 + 4) * 4 + 3)],
            weights[(1 * 3 + 2) * 49 + 4 * 7 + 5]);
  EXPECT_EQ(std::ranges::count(packed, 0.0f), 2 * 8 * 28 - 2 * 3 * 49);
}

/// What any kernel must keep to.
void expect_launchable(const KernelSpec& spec) {
  SCOPED_TRACE(spec.label);
  EXPECT_LE(spec.launch.shared_bytes, spec.target.shared_bytes);
  EXPECT_LE(spec.launch.threads, 1024);
  EXPECT_LE(spec.launch.cluster, 8);
  EXPECT_EQ(spec.launch.grid[0] % spec.launch.cluster, 0);
  EXPECT_GE(spec.launch.grid[0], 1);
  EXPECT_LE(spec.launch.grid[1], 65535);
}

TEST(CudaPlan, EveryConvolutionOfOneGroupHasAKernel) {
  for (const Target& target : {hopper(), ampere()}) {
    for (const Storage storage : {Storage::f16, Storage::bf16, Storage::tf32, Storage::f32}) {
      for (const int images : {1, 8, 128}) {
        for (const ConvolutionProblem& problem :
             {square(images, 64, 56, 64, 3, 1, storage), square(images, 3, 224, 32, 3, 2, storage),
              square(images, 20, 15, 37, 5, 2, storage), square(images, 2048, 7, 512, 1, 1, storage),
              square(images, 256, 56, 512, 1, 2, storage)}) {
          const auto specs = convolution_candidates(problem, scaled(), {}, target);
          EXPECT_FALSE(specs.empty());
          for (const KernelSpec& spec : specs) expect_launchable(spec);
        }
      }
    }
  }
}

TEST(CudaPlan, TakesWhatWasBestOnAnH100) {
  const auto first = [](const ConvolutionProblem& problem) {
    return convolution_candidates(problem, scaled(), problem.side ? plain_epilogue() : EpilogueSpec{}, hopper())
        .front()
        .label;
  };
  EXPECT_EQ(first(square(1, 64, 56, 64, 3, 1)), "halo n=32 split=1");
  EXPECT_EQ(first(square(1, 256, 14, 256, 3, 1)), "halo n=64 split=4");
  EXPECT_EQ(first(square(1, 512, 7, 512, 3, 1)), "halo n=64 split=8");
  EXPECT_EQ(first(square(128, 64, 56, 64, 3, 1)), "resident n=64 tiles=4");
  EXPECT_EQ(first(square(32, 128, 28, 128, 3, 1)), "ring n=128 tiles=4 chunk=64 stages=7 split=1");
  EXPECT_EQ(first(square(32, 256, 14, 256, 3, 1)), "ring n=128 tiles=2 chunk=64 stages=8 split=1");
  EXPECT_THAT(first(square(32, 512, 7, 512, 3, 1)), HasSubstr("ring n=128 tiles=1"));
  EXPECT_THAT(first(square(8, 128, 28, 128, 3, 1)), HasSubstr("ring n=128 tiles=1"));
}

TEST(CudaPlan, Fp32IsByWgmmaWhereTheTargetHasIt) {
  Target target = hopper();
  const ConvolutionProblem problem = square(8, 128, 28, 128, 3, 1, Storage::f32);
  for (const bool older : {false, true}) {
    target.tensor_core_mma = older;
    for (const KernelSpec& spec : convolution_candidates(problem, scaled(), {}, target)) {
      EXPECT_EQ(spec.splits(), !older) << spec.label;
      EXPECT_EQ(spec.weights.split, !older) << spec.label;
    }
  }
}

/// Those of a problem that run in blocks that stay.
std::vector<KernelSpec> persistent(const ConvolutionProblem& problem, const EpilogueSpec& main) {
  const EpilogueSpec side = problem.side ? plain_epilogue() : EpilogueSpec{};
  std::vector<KernelSpec> specs = convolution_candidates(problem, main, side, hopper());
  std::erase_if(specs, [](const KernelSpec& spec) { return spec.text != "persistent"; });
  return specs;
}

TEST(CudaPlan, BlocksStayWhereThereIsWorkForAll) {
  EXPECT_TRUE(persistent(square(1, 64, 56, 64, 3, 1), scaled()).empty());
  EXPECT_FALSE(persistent(square(32, 64, 56, 64, 3, 1), scaled()).empty());
  EXPECT_FALSE(persistent(square(64, 64, 56, 128, 3, 2), scaled()).empty());
  EXPECT_FALSE(persistent(square(32, 64, 56, 128, 1, 2), scaled()).empty());
  // 28 is no multiple of 8: pixels in reading order waste less.
  EXPECT_THAT(persistent(square(128, 512, 28, 512, 3, 1), scaled()).front().label, HasSubstr("linear"));
}

TEST(CudaPlan, BlocksThatStayTakeAShortcutAlong) {
  ConvolutionProblem problem = square(64, 64, 56, 128, 3, 2);
  problem.side = true;
  const auto specs = persistent(problem, scaled());
  ASSERT_FALSE(specs.empty());
  for (const KernelSpec& spec : specs) {
    EXPECT_EQ(spec.constant("kSide"), 1);
    EXPECT_TRUE(spec.weights.side);
  }
}

TEST(CudaPlan, PoolsWhereTilesFillTheMap) {
  ConvolutionProblem problem = square(8, 128, 112, 128, 3, 1);
  problem.pool = true;
  const auto specs = convolution_candidates(problem, scaled(), {}, hopper());
  ASSERT_FALSE(specs.empty());
  for (const KernelSpec& spec : specs) {
    EXPECT_EQ(spec.text, "persistent");
    EXPECT_EQ(spec.constant("kPool"), 1);
    EXPECT_EQ(spec.constant("kLinear"), 0);
  }
  EXPECT_TRUE(convolution_candidates(problem, scaled(), {}, ampere()).empty());
  problem = square(8, 512, 28, 512, 3, 1);
  problem.pool = true;
  EXPECT_TRUE(convolution_candidates(problem, scaled(), {}, hopper()).empty());
}

/// Of mtcnn/det1 and of a MobileNet: planes of an image to few channels.
DirectProblem first_layer(int images, int size, int channels, int stride, Storage storage) {
  ConvolutionProblem convolution = square(images, 3, size, channels, 3, stride, storage);
  convolution.pad_y = convolution.pad_x = 0;
  convolution.dst_h = convolution.dst_w = (size - 3) / stride + 1;
  DirectProblem problem = direct_problem(convolution);
  problem.from_planes = true;
  return problem;
}
DirectProblem pooled(DirectProblem problem, int window) {
  problem.pool = {window, window, 2, 2, 0, 0};
  problem.dst_h = problem.dst_w = (problem.convolution.dst_h - window + 1) / 2 + 1;
  return problem;
}

TEST(CudaPlan, FewChannelsGoWithoutTensorCores) {
  for (const Storage storage : {Storage::f16, Storage::bf16, Storage::tf32, Storage::f32}) {
    EXPECT_EQ(convolution_candidates(square(32, 16, 45, 32, 3, 1, storage), scaled(), {}, hopper()).front().text,
              "direct");
    for (const ConvolutionProblem& problem :
         {square(32, 64, 28, 64, 3, 1, storage), square(32, 32, 28, 192, 1, 1, storage)}) {
      for (const KernelSpec& spec : convolution_candidates(problem, scaled(), {}, hopper())) {
        EXPECT_NE(spec.text, "direct") << spec.label;
      }
    }
  }
}

TEST(CudaPlan, PlanesAreReadAsTheyAreWhereThatPays) {
  EXPECT_TRUE(direct_pays(first_layer(128, 224, 32, 2, Storage::f16), hopper()));
  EXPECT_FALSE(direct_pays(first_layer(128, 224, 64, 1, Storage::f16), hopper()));
  EXPECT_TRUE(direct_pays(pooled(first_layer(32, 96, 10, 1, Storage::f16), 2), hopper()));
}

TEST(CudaPlan, DirectTilesCoverTheResultsAndFitABlock) {
  for (const DirectProblem& problem :
       {first_layer(1, 96, 10, 2, Storage::f16), pooled(first_layer(32, 24, 28, 1, Storage::f32), 3),
        direct_problem(square(8, 32, 43, 20, 3, 1, Storage::f16))}) {
    const auto specs = direct_candidates(problem, scaled(), {}, hopper());
    EXPECT_FALSE(specs.empty());
    for (const KernelSpec& spec : specs) {
      SCOPED_TRACE(spec.label);
      expect_launchable(spec);
      const int across = spec.constant("kTileW") * spec.constant("kRun"), down = spec.constant("kTileH");
      const int tiles = (problem.dst_w + across - 1) / across * ((problem.dst_h + down - 1) / down);
      const int groups = (problem.convolution.channels + spec.constant("kGroup") - 1) / spec.constant("kGroup");
      EXPECT_EQ(groups % spec.constant("kGroupsOfBlock"), 0);
      EXPECT_EQ(spec.launch.grid[0], problem.convolution.images * tiles * groups / spec.constant("kGroupsOfBlock"));
      EXPECT_GE(spec.constant("kPixelThreads"), spec.constant("kTileW") * down);
    }
  }
}

TEST(CudaPlan, RefusesGroupsThatAreNeitherOneNorAll) {
  ConvolutionProblem problem = square(1, 64, 14, 64, 3, 1);
  problem.groups = 4;
  EXPECT_TRUE(convolution_candidates(problem, scaled(), {}, hopper()).empty());
  problem.groups = 64;
  EXPECT_EQ(convolution_candidates(problem, scaled(), {}, hopper()).front().text, "depthwise");
}

TEST(CudaPlan, StemNeedsPairsOfPixels) {
  StemProblem problem;
  EXPECT_EQ(stem_candidates(problem, scaled(), scaled(), hopper()).front().label, "stem");
  problem.images = 32;
  EXPECT_EQ(stem_candidates(problem, scaled(), scaled(), hopper()).front().label, "stem_columns");
  problem.src_w = 223;
  EXPECT_TRUE(stem_candidates(problem, scaled(), scaled(), hopper()).empty());
  EXPECT_TRUE(stem_candidates(StemProblem{}, scaled(), scaled(), ampere()).empty());
}

/// Compiles by NVRTC, or skips where it is not installed.
class CudaCompile : public testing::Test {
 protected:
  void SetUp() override {
    if (!compiler_available()) GTEST_SKIP() << "no " << compiler_missing();
  }

  /// The registers must do, and what a block takes must fit a processor.
  static void expect_compiles(const KernelSpec& spec) {
    SCOPED_TRACE(std::string(name(spec.storage)) + " " + spec.label);
    const CompiledKernel kernel = compile_kernel(source_of(spec), spec.target.architecture);
    const KernelBudget budget = budget_of(kernel.cubin);
    EXPECT_EQ(budget.stack, 0);
    EXPECT_GT(budget.registers, 8);
    EXPECT_LE((budget.registers + 7) / 8 * 8 * spec.launch.threads, 65536);
    EXPECT_LE(spec.launch.shared_bytes + budget.static_shared, 228 * 1024);
    EXPECT_THAT(kernel.log, testing::Not(HasSubstr("serialized")));
  }
};

TEST_F(CudaCompile, PatchKernels) {
  for (const Storage storage : {Storage::f16, Storage::bf16, Storage::tf32, Storage::f32}) {
    expect_compiles(convolution_candidates(square(1, 64, 28, 64, 3, 1, storage), residual(), {}, hopper()).front());
  }
  ConvolutionProblem down = square(1, 128, 28, 256, 3, 2);
  down.side = true;
  expect_compiles(convolution_candidates(down, scaled(), plain_epilogue(), hopper()).front());
  down.images = 8;
  expect_compiles(convolution_candidates(down, scaled(), plain_epilogue(), hopper()).front());
  expect_compiles(convolution_candidates(square(8, 64, 56, 64, 3, 1), residual(), {}, hopper()).front());
  expect_compiles(convolution_candidates(square(8, 256, 14, 256, 3, 1), residual(), {}, hopper()).front());
  expect_compiles(convolution_candidates(square(1, 512, 7, 2048, 1, 1), residual(), {}, hopper()).front());
}

/// Every kernel of a problem whose registers are planned, not guessed.
TEST_F(CudaCompile, SplitRings) {
  for (const ConvolutionProblem& problem :
       {square(128, 128, 28, 128, 3, 1, Storage::f32), square(8, 512, 7, 512, 3, 1, Storage::f32)}) {
    for (const KernelSpec& spec : convolution_candidates(problem, residual(), {}, hopper())) expect_compiles(spec);
  }
  ConvolutionProblem down = square(32, 128, 28, 256, 3, 2, Storage::f32);
  down.side = true;
  for (const KernelSpec& spec : convolution_candidates(down, scaled(), plain_epilogue(), hopper())) {
    expect_compiles(spec);
  }
}

/// Their registers are planned: what spills or is too much is a mistake of the plan.
TEST_F(CudaCompile, Persistent) {
  ConvolutionProblem pooled = square(32, 64, 112, 128, 3, 1),
                     beside[] = {square(128, 64, 56, 128, 3, 2), square(128, 128, 28, 256, 3, 2, Storage::tf32),
                                 square(128, 128, 28, 256, 3, 2, Storage::f32)};
  pooled.pool = true;
  for (ConvolutionProblem& problem : beside) problem.side = true;
  for (const ConvolutionProblem& problem :
       {square(128, 512, 28, 512, 3, 1), square(8, 256, 56, 256, 3, 1), square(128, 3, 224, 64, 3, 1), pooled,
        square(128, 256, 56, 64, 1, 1), square(128, 512, 28, 256, 1, 2), square(128, 128, 28, 128, 3, 1, Storage::tf32),
        square(128, 64, 56, 64, 3, 1, Storage::f32), square(32, 256, 14, 256, 3, 1, Storage::f32),
        square(64, 96, 14, 20, 5, 1, Storage::bf16), beside[0], beside[1], beside[2],
        square(128, 64, 56, 128, 3, 2, Storage::bf16), square(128, 256, 14, 512, 3, 2, Storage::tf32),
        square(128, 64, 56, 128, 3, 2, Storage::f32), square(64, 64, 56, 96, 5, 2)}) {
    const auto specs = persistent(problem, scaled());
    EXPECT_FALSE(specs.empty());
    for (const KernelSpec& spec : specs) {
      expect_launchable(spec);
      expect_compiles(spec);
    }
  }
  for (const Storage storage : {Storage::f16, Storage::tf32, Storage::f32}) {
    expect_compiles(persistent(square(128, 128, 28, 128, 3, 1, storage), residual()).front());
  }
}

/// mtcnn's layers and a MobileNet's first, as `direct` runs them.
std::vector<DirectProblem> few_channels(Storage storage) {
  DirectProblem heads = direct_problem(square(32, 32, 43, 2, 1, 1, storage));
  heads.to_planes = true;
  return {heads,
          first_layer(32, 224, 32, 2, storage),
          pooled(first_layer(32, 96, 10, 1, storage), 2),
          pooled(first_layer(1, 24, 28, 1, storage), 3),
          direct_problem(square(32, 10, 47, 16, 3, 1, storage)),
          direct_problem(square(1, 16, 45, 32, 3, 1, storage))};
}

/// Registers, and the shared memory they declare, which the plan counts itself.
TEST_F(CudaCompile, Direct) {
  for (const Storage storage : {Storage::f16, Storage::f32}) {
    for (const DirectProblem& problem : few_channels(storage)) {
      for (const KernelSpec& spec : direct_candidates(problem, scaled(), scaled(), hopper())) expect_compiles(spec);
    }
  }
  for (const Storage storage : {Storage::bf16, Storage::tf32}) {
    for (const DirectProblem& problem : few_channels(storage)) {
      expect_compiles(direct_candidates(problem, scaled(), scaled(), ampere()).front());
    }
  }
}

TEST_F(CudaCompile, Gathers) {
  Target forced = hopper();
  forced.tensor_core_mma = true;
  for (const Target& target : {hopper(), forced, ampere()}) {
    for (const Storage storage : {Storage::f16, Storage::bf16, Storage::tf32, Storage::f32}) {
      expect_compiles(convolution_candidates(square(8, 20, 15, 37, 5, 2, storage), residual(), {}, target).front());
      auto narrow = convolution_candidates(square(8, 40, 15, 12, 5, 2, storage), residual(), {}, target);
      std::erase_if(narrow, [](const KernelSpec& spec) { return spec.text != "gather"; });
      ASSERT_FALSE(narrow.empty());
      EXPECT_EQ(narrow.front().constant("kBlockN"), 16);
      expect_compiles(narrow.front());
    }
  }
}

TEST_F(CudaCompile, Stems) {
  for (const Storage storage : {Storage::f16, Storage::bf16, Storage::tf32, Storage::f32}) {
    StemProblem problem;
    problem.storage = storage;
    const auto specs = stem_candidates(problem, scaled(), scaled(), hopper());
    EXPECT_FALSE(specs.empty());
    for (const KernelSpec& spec : specs) {
      expect_launchable(spec);
      expect_compiles(spec);
    }
  }
}

TEST_F(CudaCompile, TheRest) {
  for (const Target& target : {hopper(), ampere()}) {
    for (const Storage storage : {Storage::f16, Storage::tf32}) {
      ConvolutionProblem depthwise = square(2, 40, 15, 40, 3, 2, storage);
      depthwise.groups = 40;
      expect_compiles(convolution_candidates(depthwise, residual(), {}, target).front());
      expect_compiles(pointwise_spec({2, 20, 7, 7}, storage, residual(), target));
      PoolingProblem pooling;
      pooling.src = {2, 20, 15, 15};
      pooling.dst = {2, 20, 7, 7};
      pooling.kernel_h = pooling.kernel_w = 3;
      pooling.stride_y = pooling.stride_x = 2;
      pooling.storage = storage;
      expect_compiles(pooling_spec(pooling, scaled(), target));
      expect_compiles(global_pooling_spec({2, 20, 7, 7}, PoolingType::average, storage, plain_epilogue(), target));
      expect_compiles(rows_candidates({3, 64, 100, true, storage}, scaled(), target).front());
      expect_compiles(reorder_spec({2, 3, 14, 14}, storage, true, target));
      expect_compiles(reorder_spec({2, 3, 14, 14}, storage, false, target));
      expect_compiles(reorder_spec({2, 3, 14, 14, true}, storage, true, target));
      for (const bool channels_last : {false, true}) {
        expect_compiles(relayout_spec({2, 20, 7, 7, channels_last}, storage, target));
      }
      expect_compiles(pointwise_spec({2, 20, 7, 7, true}, storage, residual(), target));
      pooling.dst.channels_last = true;
      expect_compiles(pooling_spec(pooling, scaled(), target));
      pooling.src_d = 9;
      pooling.dst_d = pooling.kernel_d = 5;
      for (const PoolingType type : {PoolingType::average, PoolingType::sum, PoolingType::lp}) {
        pooling.type = type;
        expect_compiles(pooling_spec(pooling, scaled(), target));
      }
      expect_compiles(global_pooling_spec({2, 20, 7, 7, true}, PoolingType::sum, storage, plain_epilogue(), target));
    }
  }
}

TEST_F(CudaCompile, SaysWhatTheCompilerSays) {
  try {
    compile_kernel("extern \"C\" __global__ void tenon_kernel() { no_such_thing(); }", 90);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no_such_thing"));
  }
}

TEST(CudaBudget, RefusesWhatIsNoBinary) {
  EXPECT_THROW(budget_of(std::vector<std::byte>(10)), Error);
  EXPECT_THROW(budget_of(std::vector<std::byte>(100, std::byte{0xff})), Error);
}

}  // namespace
}  // namespace tenon::cuda
