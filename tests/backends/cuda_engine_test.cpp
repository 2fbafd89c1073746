// Engines on a GPU against the plain executor on the CPU; skipped where there is no GPU.

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include <tenon/devices.h>
#include <tenon/engine.h>
#include <tenon/session.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/numbers.h"

namespace tenon {
namespace {

std::vector<Tensor> forward(const Engine& engine) {
  Session session(engine);
  session.set_input("data", normal_numbers(engine.type("data").shape, 7, 1));
  session.forward();
  std::vector<Tensor> first;
  for (std::size_t i = 0; i < session.outputs().size(); ++i)
    first.push_back(session.output(static_cast<int>(i)).clone());
  session.forward();
  session.forward();  // replayed
  for (std::size_t i = 0; i < first.size(); ++i) {
    const Tensor& last = session.output(static_cast<int>(i));
    EXPECT_EQ(std::memcmp(first[i].data(), last.data(), last.bytes()), 0) << "two forwards differ";
  }
  return first;
}

std::vector<Tensor> run(const Model& model, const Shape& shape, const std::string& device, const std::string& backend,
                        const std::string& precision) {
  BindOptions options;
  options.device = Device::parse(device);
  options.backend = backend;
  options.precision = precision;
  options.shapes = {{"data", shape}};
  const Engine engine = Engine::build(model, options);
  for (const StepInfo& step : engine.steps()) {
    EXPECT_NE(step.implementation, "host:reference") << step.node << ": " << testing::PrintToString(step.refusals);
  }
  const std::vector<Tensor> first = forward(engine);
  if (backend == "cuda") {
    // Of this process alone: parts of the tests run side by side.
    const std::string file = testing::TempDir() + "cuda_engine_test-" + std::to_string(getpid()) + ".plan";
    engine.save(file);
    const std::vector<Tensor> loaded = forward(Engine::load(file));
    std::filesystem::remove(file);
    EXPECT_EQ(loaded.size(), first.size());
    for (std::size_t i = 0; i < std::min(first.size(), loaded.size()); ++i) {
      EXPECT_EQ(std::memcmp(first[i].data(), loaded[i].data(), first[i].bytes()), 0)
          << "the plan's engine gives other bits";
    }
  }
  return first;
}

/// ‖ours − theirs‖∞ / ‖theirs‖∞.
double deviation(const Tensor& ours, const Tensor& theirs) {
  double most = 0, greatest = 0;
  for (std::int64_t i = 0; i < theirs.elements(); ++i) {
    const double difference = std::abs(ours.data<float>()[i] - theirs.data<float>()[i]);
    most = std::isnan(difference) ? INFINITY : std::max(most, difference);
    greatest = std::max(greatest, std::abs(static_cast<double>(theirs.data<float>()[i])));
  }
  EXPECT_GT(greatest, 0);
  return most / greatest;
}

/// What rounding each layer's results may do; resnet18_v2 on an H100 deviates by 4e-5 in fp32 and 4e-4 in fp16. `mma`:
/// by the kernels of sm_80.
struct Accuracy {
  const char* precision;
  double tolerance;
  bool mma = false;
};
std::string name_of(const Accuracy& accuracy) {
  return std::string(accuracy.precision) + (accuracy.mma ? "Mma" : "");
}
void PrintTo(const Accuracy& accuracy, std::ostream* stream) {
  *stream << name_of(accuracy);
}
constexpr Accuracy kAccuracies[] = {{"fp32", 2e-4}, {"tf32", 3e-3},       {"fp16", 1e-2},
                                    {"bf16", 4e-2}, {"fp16", 1e-2, true}, {"tf32", 3e-3, true}};

class CudaEngine : public testing::TestWithParam<Accuracy> {
 protected:
  void SetUp() override {
    if (list_devices().devices.size() < 2) GTEST_SKIP() << "skipped: there is no GPU";
    setenv("TENON_TUNE", "off", 1);  // measuring compiles six kernels for one
    setenv("TENON_CUDA_MMA", GetParam().mma ? "1" : "0", 1);
  }
  void TearDown() override { unsetenv("TENON_CUDA_CANDIDATES"); }
  void expect_agrees(const Model& model, const Shape& shape) {
    const std::vector<Tensor> wanted = run(model, shape, "cpu", "plain", "fp32");
    const std::vector<Tensor> got = run(model, shape, "cuda:0", "cuda", GetParam().precision);
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].shape(), wanted[i].shape());
      EXPECT_LT(deviation(got[i], wanted[i]), GetParam().tolerance);
    }
  }
};

TEST_P(CudaEngine, RunsResNet18) {
  for (const std::int64_t batch : {1, 3}) expect_agrees(Model::zoo("resnet18_v2"), Shape{batch, 3, 224, 224});
}

TEST_P(CudaEngine, RunsMobileNet) {
  expect_agrees(Model::zoo("mobilenetv2_0.25"), Shape{2, 3, 224, 224});
}

// Channels that fill no unit, a window that hangs over the edge, dilation, a layer that reads a whole image, a row.
constexpr const char* kOdd = R"(
%data = variable
%w0 = variable
%b0 = variable
%w1 = variable
%w2 = variable
%w3 = variable
%w4 = variable
%b4 = variable
%c0 = Convolution(%data, %w0, %b0) {kernel=(3, 5), num_filter=21, pad=(1, 2), stride=(2, 1)}
%r0 = Activation(%c0) {act_type=sigmoid}
%c1 = Convolution(%r0, %w1) {kernel=(3, 3), num_filter=21, num_group=21, pad=(1, 1), no_bias=True}
%s = elemwise_add(%c1, %r0)
%c2 = Convolution(%s, %w2) {kernel=(3, 3), dilate=(2, 2), num_filter=13, pad=(2, 2), no_bias=True}
%p = Pooling(%c2) {kernel=(3, 3), stride=(2, 2), pool_type=avg, pad=(1, 1), pooling_convention=full}
%f = FullyConnected(%p, %w3) {num_hidden=30, no_bias=True}
%t = Activation(%f) {act_type=tanh}
%g = FullyConnected(%t, %w4, %b4) {num_hidden=11}
return %g
)";

Model odd() {
  return Model(parse_graph(kOdd, ops()), {{"w0", normal_numbers({21, 5, 3, 5}, 1, 0.1f)},
                                          {"b0", normal_numbers({21}, 2, 0.1f)},
                                          {"w1", normal_numbers({21, 1, 3, 3}, 3, 0.3f)},
                                          {"w2", normal_numbers({13, 21, 3, 3}, 4, 0.1f)},
                                          {"w3", normal_numbers({30, 13 * 5 * 8}, 5, 0.1f)},
                                          {"w4", normal_numbers({11, 30}, 6, 0.3f)},
                                          {"b4", normal_numbers({11}, 8, 0.3f)}});
}

TEST_P(CudaEngine, RunsOddShapes) {
  for (const std::int64_t batch : {1, 5, 20}) expect_agrees(odd(), Shape{batch, 5, 17, 15});
}

TEST_P(CudaEngine, RunsByCudnnAlone) {
  if (GetParam().mma) GTEST_SKIP() << "skipped: no convolution is left to the kernels of sm_80";
  setenv("TENON_CUDA_CANDIDATES", "cudnn", 1);
  expect_agrees(odd(), Shape{3, 5, 17, 15});
  // In float32 cuDNN compiles engine after engine that rounds to TF32 or sums in another order, for minutes.
  if (GetParam().precision == std::string("fp32")) return;
  expect_agrees(Model::zoo("resnet18_v2"), Shape{2, 3, 224, 224});
}

// Groups whose channels fill no unit, groups that do, groups of a row.
constexpr const char* kGroups = R"(
%data = variable
%w0 = variable
%b0 = variable
%w1 = variable
%w2 = variable
%c0 = Convolution(%data, %w0, %b0) {kernel=(3, 3), num_filter=24, pad=(1, 1), num_group=3}
%r0 = Activation(%c0) {act_type=relu}
%c1 = Convolution(%r0, %w1) {kernel=(3, 5), num_filter=64, pad=(1, 2), stride=(2, 1), num_group=8, no_bias=True}
%t = Reshape(%c1) {shape=(0, 0, -1)}
%c2 = Convolution(%t, %w2) {kernel=(3,), num_filter=32, num_group=2, no_bias=True}
return %c2
)";

Model groups() {
  return Model(parse_graph(kGroups, ops()), {{"w0", normal_numbers({24, 4, 3, 3}, 1, 0.2f)},
                                             {"b0", normal_numbers({24}, 2, 0.1f)},
                                             {"w1", normal_numbers({64, 3, 3, 5}, 3, 0.2f)},
                                             {"w2", normal_numbers({32, 32, 3}, 4, 0.1f)}});
}

TEST_P(CudaEngine, RunsGroups) {
  for (const std::int64_t batch : {1, 5}) expect_agrees(groups(), Shape{batch, 12, 9, 11});
  setenv("TENON_CUDA_CANDIDATES", "cudnn", 1);
  expect_agrees(groups(), Shape{2, 12, 9, 11});
}

constexpr const char* kVolume = R"(
%data = variable
%w0 = variable
%b0 = variable
%w1 = variable
%w2 = variable
%b2 = variable
%c0 = Convolution(%data, %w0, %b0) {kernel=(3, 3, 3), num_filter=16, pad=(1, 0, 1)}
%r0 = Activation(%c0) {act_type=relu}
%c1 = Convolution(%r0, %w1) {kernel=(1, 3, 2), num_filter=24, stride=(1, 2, 2), num_group=2, no_bias=True}
%c2 = Deconvolution(%c1, %w2, %b2) {kernel=(2, 3, 3), num_filter=5, stride=(1, 2, 2), no_bias=False}
%s = Activation(%c2) {act_type=sigmoid}
return %s
)";

TEST_P(CudaEngine, RunsVolumes) {
  const Model model(parse_graph(kVolume, ops()), {{"w0", normal_numbers({16, 5, 3, 3, 3}, 1, 0.1f)},
                                                  {"b0", normal_numbers({16}, 2, 0.1f)},
                                                  {"w1", normal_numbers({24, 8, 1, 3, 2}, 3, 0.2f)},
                                                  {"w2", normal_numbers({24, 5, 2, 3, 3}, 4, 0.2f)},
                                                  {"b2", normal_numbers({5}, 5, 0.1f)}});
  for (const std::int64_t batch : {1, 3}) expect_agrees(model, Shape{batch, 5, 4, 9, 8});
}

// Windows over three axes, whole planes, reductions of them.
constexpr const char* kPools = R"(
%data = variable
%w = variable
%c = Convolution(%data, %w) {kernel=(2, 1, 3), num_filter=11, no_bias=True}
%m = Pooling(%c) {kernel=(2, 3, 3), stride=(1, 2, 2), pad=(1, 0, 1), pool_type=max}
%i = Pooling(%c) {kernel=(3, 5, 5), pad=(0, 2, 2), pool_type=avg, count_include_pad=False}
%l = Pooling(%c) {kernel=(2, 2, 2), stride=(2, 2, 2), pool_type=lp, p_value=2}
%g = Pooling(%c) {kernel=(1, 1, 1), global_pool=True, pool_type=sum}
%n = mean(%c) {axis=(2, 3, 4)}
%x = max(%c) {axis=(0, 1), exclude=True}
return %m, %i, %l, %g, %n, %x
)";

TEST_P(CudaEngine, RunsPoolsOfVolumes) {
  const Model model(parse_graph(kPools, ops()), {{"w", normal_numbers({11, 3, 2, 1, 3}, 1, 0.2f)}});
  for (const std::int64_t batch : {1, 3}) expect_agrees(model, Shape{batch, 3, 5, 7, 9});
}

// Padding, one side longer than the stride makes it, groups that fill units and groups that do not.
constexpr const char* kDeconvolutions = R"(
%data = variable
%w0 = variable
%b0 = variable
%w1 = variable
%w2 = variable
%d0 = Deconvolution(%data, %w0, %b0) {kernel=(4, 3), num_filter=32, stride=(2, 2), pad=(1, 1), adj=(0, 1), no_bias=False}
%r0 = Activation(%d0) {act_type=relu}
%d1 = Deconvolution(%r0, %w1) {kernel=(2, 2), num_filter=16, stride=(2, 2), num_group=2}
%d2 = Deconvolution(%d1, %w2) {kernel=(3, 3), num_filter=6, pad=(1, 1), num_group=2}
return %d2
)";

TEST_P(CudaEngine, RunsDeconvolutions) {
  const Model model(parse_graph(kDeconvolutions, ops()), {{"w0", normal_numbers({10, 32, 4, 3}, 1, 0.2f)},
                                                          {"b0", normal_numbers({32}, 2, 0.1f)},
                                                          {"w1", normal_numbers({32, 8, 2, 2}, 3, 0.2f)},
                                                          {"w2", normal_numbers({16, 3, 3, 3}, 4, 0.2f)}});
  for (const std::int64_t batch : {1, 4}) expect_agrees(model, Shape{batch, 10, 7, 6});
}

// Enough images for kernels that stay: a thin first layer, maps that tiles fill and pools halve, a map that they do not
// fill, 1×1 with and without stride.
constexpr const char* kMany = R"(
%data = variable
%w0 = variable
%b0 = variable
%w1 = variable
%b1 = variable
%w2 = variable
%w3 = variable
%w4 = variable
%c0 = Convolution(%data, %w0, %b0) {kernel=(3, 3), num_filter=64, pad=(1, 1)}
%r0 = Activation(%c0) {act_type=relu}
%c1 = Convolution(%r0, %w1, %b1) {kernel=(3, 3), num_filter=128, pad=(1, 1)}
%r1 = Activation(%c1) {act_type=relu}
%p1 = Pooling(%r1) {kernel=(2, 2), stride=(2, 2), pool_type=max}
%c2 = Convolution(%p1, %w2) {kernel=(1, 1), num_filter=160, no_bias=True}
%c3 = Convolution(%c2, %w3) {kernel=(3, 3), num_filter=256, pad=(1, 1), no_bias=True}
%p3 = Pooling(%c3) {kernel=(2, 2), stride=(2, 2), pool_type=max}
%c4 = Convolution(%p3, %w4) {kernel=(1, 1), stride=(2, 2), num_filter=512, no_bias=True}
return %c4
)";

TEST_P(CudaEngine, RunsManyImages) {
  const Model model(parse_graph(kMany, ops()), {{"w0", normal_numbers({64, 3, 3, 3}, 1, 0.2f)},
                                                {"b0", normal_numbers({64}, 2, 0.1f)},
                                                {"w1", normal_numbers({128, 64, 3, 3}, 3, 0.05f)},
                                                {"b1", normal_numbers({128}, 4, 0.1f)},
                                                {"w2", normal_numbers({160, 128, 1, 1}, 5, 0.1f)},
                                                {"w3", normal_numbers({256, 160, 3, 3}, 6, 0.03f)},
                                                {"w4", normal_numbers({512, 256, 1, 1}, 8, 0.1f)}});
  for (const std::int64_t batch : {3, 40}) expect_agrees(model, Shape{batch, 3, 56, 56});
}

// Enough images for blocks that stay: every other pixel, with a shortcut beside it and without.
constexpr const char* kStrided = R"(
%data = variable
%w1 = variable
%b1 = variable
%w2 = variable
%w3 = variable
%w4 = variable
%c1 = Convolution(%data, %w1, %b1) {kernel=(3, 3), stride=(2, 2), pad=(1, 1), num_filter=128}
%r1 = Activation(%c1) {act_type=relu}
%c2 = Convolution(%r1, %w2) {kernel=(3, 3), pad=(1, 1), num_filter=128, no_bias=True}
%c3 = Convolution(%data, %w3) {kernel=(1, 1), stride=(2, 2), num_filter=128, no_bias=True}
%s = elemwise_add(%c2, %c3)
%r2 = Activation(%s) {act_type=relu}
%c4 = Convolution(%r2, %w4) {kernel=(3, 3), stride=(2, 2), pad=(1, 1), num_filter=512, no_bias=True}
return %c4
)";

TEST_P(CudaEngine, RunsStridesOfManyImages) {
  const Model model(parse_graph(kStrided, ops()), {{"w1", normal_numbers({128, 64, 3, 3}, 1, 0.05f)},
                                                   {"b1", normal_numbers({128}, 2, 0.1f)},
                                                   {"w2", normal_numbers({128, 128, 3, 3}, 3, 0.04f)},
                                                   {"w3", normal_numbers({128, 64, 1, 1}, 4, 0.1f)},
                                                   {"w4", normal_numbers({512, 128, 3, 3}, 5, 0.04f)}});
  expect_agrees(model, Shape{70, 64, 55, 56});
}

// mtcnn/det1's layers, on an image that neither tiles nor pools divide.
constexpr const char* kFewChannels = R"(
%data = variable
%w1 = variable
%b1 = variable
%s1 = variable
%w2 = variable
%s2 = variable
%w3 = variable
%s3 = variable
%w4 = variable
%b4 = variable
%w5 = variable
%b5 = variable
%c1 = Convolution(%data, %w1, %b1) {kernel=(3, 3), num_filter=10}
%r1 = LeakyReLU(%c1, %s1) {act_type=prelu}
%p1 = Pooling(%r1) {kernel=(2, 2), stride=(2, 2), pool_type=max, pooling_convention=full}
%c2 = Convolution(%p1, %w2) {kernel=(3, 3), num_filter=16, no_bias=True}
%r2 = LeakyReLU(%c2, %s2) {act_type=prelu}
%c3 = Convolution(%r2, %w3) {kernel=(3, 3), num_filter=32, no_bias=True}
%r3 = LeakyReLU(%c3, %s3) {act_type=prelu}
%c4 = Convolution(%r3, %w4, %b4) {kernel=(1, 1), num_filter=4}
%c5 = Convolution(%r3, %w5, %b5) {kernel=(1, 1), num_filter=2}
%y = SoftmaxActivation(%c5) {mode=channel}
return %c4, %y
)";

TEST_P(CudaEngine, RunsFewChannels) {
  const Model model(parse_graph(kFewChannels, ops()), {{"w1", normal_numbers({10, 3, 3, 3}, 1, 0.2f)},
                                                       {"b1", normal_numbers({10}, 2, 0.1f)},
                                                       {"s1", normal_numbers({10}, 3, 0.3f)},
                                                       {"w2", normal_numbers({16, 10, 3, 3}, 4, 0.1f)},
                                                       {"s2", normal_numbers({16}, 5, 0.3f)},
                                                       {"w3", normal_numbers({32, 16, 3, 3}, 6, 0.1f)},
                                                       {"s3", normal_numbers({32}, 8, 0.3f)},
                                                       {"w4", normal_numbers({4, 32, 1, 1}, 9, 0.2f)},
                                                       {"b4", normal_numbers({4}, 10, 0.1f)},
                                                       {"w5", normal_numbers({2, 32, 1, 1}, 11, 0.2f)},
                                                       {"b5", normal_numbers({2}, 12, 0.1f)}});
  for (const std::int64_t batch : {1, 33}) expect_agrees(model, Shape{batch, 3, 67, 94});
}

/// An engine and a plain executor of each GPU, all at work at once, forwards queued: every GPU of one kind finds the
/// same bits, none the other's.
TEST(CudaDevices, EveryOrdinalComputesAtOnceAndAlike) {
  const std::vector<DeviceInfo> devices = list_devices().devices;
  if (devices.size() < 3) GTEST_SKIP() << "skipped: there are not two GPUs";
  setenv("TENON_TUNE", "off", 1);  // what is fastest may differ between two
  setenv("TENON_CUDA_MMA", "0", 1);
  const std::size_t gpus = devices.size() - 1;
  std::vector<Tensor> results(2 * gpus);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      BindOptions options;
      options.device = Device::parse("cuda:" + std::to_string(i % gpus));
      options.backend = i < gpus ? "cuda" : "plain";
      options.precision = i < gpus ? "fp16" : "fp32";
      options.shapes = {{"data", Shape{20, 5, 17, 15}}};
      Session session(Engine::build(odd(), options));
      for (int turn = 1; turn <= 100; ++turn) {
        session.set_input("data", normal_numbers({20, 5, 17, 15}, turn % 7 + 1, 1));
        session.forward_async();
        session.forward_async();
        session.wait();
      }
      results[i] = session.output(0).clone();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_LT(deviation(results[i], results[gpus]), i < gpus ? 1e-2 : 2e-4);
    const std::size_t first = i < gpus ? 0 : gpus;
    if (devices[1 + i % gpus].name != devices[1].name) continue;
    EXPECT_EQ(std::memcmp(results[i].data(), results[first].data(), results[i].bytes()), 0)
        << "cuda:" << i % gpus << " gives other bits";
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, CudaEngine, testing::ValuesIn(kAccuracies),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace tenon
