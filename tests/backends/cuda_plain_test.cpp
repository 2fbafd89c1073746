// The plain executor on a GPU against the CPU's reference; skipped where there is none.

#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/devices.h>
#include <tenon/error.h>
#include <tenon/executor.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/evaluate.h"
#include "support/gpu_kernel_cases.h"
#include "support/gpu_quantized_cases.h"
#include "support/gpu_refusal_cases.h"

namespace tenon {
namespace {

bool has_gpu() {
  return list_devices().devices.size() > 1;
}

class CudaPlain : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "skipped: there is no GPU";
  }
};

BindOptions on_gpu(std::map<std::string, Shape> shapes) {
  BindOptions options;
  options.device = Device::parse("cuda:0");
  options.shapes = std::move(shapes);
  return options;
}

Tensor ramp(const Shape& shape) {
  Tensor tensor(shape, DType::float32);
  auto* data = tensor.mutable_data<float>();
  for (std::int64_t i = 0; i < shape.elements(); ++i) data[i] = static_cast<float>((i * 37 % 101) - 50) / 50;
  return tensor;
}

void expect_close(const Tensor& ours, const Tensor& theirs, float tolerance) {
  ASSERT_EQ(ours.shape(), theirs.shape());
  float greatest = 0;
  for (std::int64_t i = 0; i < theirs.elements(); ++i) {
    greatest = std::max(greatest, std::abs(theirs.data<float>()[i]));
  }
  for (std::int64_t i = 0; i < theirs.elements(); ++i) {
    ASSERT_NEAR(ours.data<float>()[i], theirs.data<float>()[i], tolerance * greatest) << "at " << i;
  }
}

constexpr const char* kNet = R"(
%data = variable
%w = variable
%b = variable
%c = Convolution(%data, %w, %b) {kernel=(3, 3), num_filter=8, pad=(1, 1)}
%r = Activation(%c) {act_type=relu}
%p = Pooling(%r) {kernel=(2, 2), stride=(2, 2), pool_type=avg}
%t = transpose(%p) {axes=(0, 2, 3, 1)}
%s = sum(%t) {axis=(1,)}
%e = softmax(%s) {dtype=float64}
%o = softmax(%s)
return %o, %e
)";

Model small_net() {
  return Model(parse_graph(kNet, ops()), {{"w", ramp({8, 3, 3, 3})}, {"b", ramp({8})}});
}

TEST_F(CudaPlain, AgreesWithTheCpuAlsoWhenReplayed) {
  const Model model = small_net();
  Executor gpu = Executor::bind(model, on_gpu({{"data", {2, 3, 8, 8}}}));
  BindOptions options;
  options.shapes["data"] = {2, 3, 8, 8};
  Executor cpu = Executor::bind(model, options);
  for (int turn = 0; turn < 4; ++turn) {
    Tensor input = ramp({2, 3, 8, 8});
    input.mutable_data<float>()[0] = static_cast<float>(turn);
    for (Executor* executor : {&gpu, &cpu}) {
      executor->set_input("data", input);
      executor->forward();
    }
    expect_close(gpu.output(0), cpu.output(0), 1e-5f);
  }
}

TEST_F(CudaPlain, ForwardsThatAreQueuedWorkOnTheInputsOfTheirTime) {
  const Model model(parse_graph("%data = variable\n%y = exp(%data)\nreturn %y\n", ops()), {});
  constexpr std::int64_t size = 3 << 20;  // more than a pinned buffer holds
  Executor gpu = Executor::bind(model, on_gpu({{"data", {size}}}));
  for (int turn = 0; turn < 4; ++turn) {
    std::vector<float> filled(size, static_cast<float>(turn));
    gpu.set_input("data", Tensor::borrow_const(filled.data(), {size}, DType::float32));
    std::ranges::fill(filled, 100.0f);  // the caller's memory is his own again
    gpu.forward_async();
    filled[0] = -1;
    if (turn < 2) continue;
    const float* out = gpu.output(0).data<float>();
    for (const std::int64_t at : {std::int64_t{0}, size / 2, size - 1}) {
      EXPECT_NEAR(out[at], std::exp(static_cast<float>(turn)), 1e-4f) << "turn " << turn << " at " << at;
    }
  }
}

TEST_F(CudaPlain, AnExecutorMayGoWhileItsForwardRuns) {
  const Model model = small_net();
  Executor stays = Executor::bind(model, on_gpu({{"data", {2, 3, 8, 8}}}));
  stays.set_input("data", ramp({2, 3, 8, 8}));
  stays.forward();
  const Tensor wanted = stays.output(0).clone();
  for (int turn = 0; turn < 10; ++turn) {
    Executor goes = Executor::bind(model, on_gpu({{"data", {64, 3, 8, 8}}}));
    for (int i = 0; i < 5; ++i) goes.forward_async();
  }
  stays.forward();
  EXPECT_EQ(0, std::memcmp(stays.output(0).data(), wanted.data(), wanted.bytes()));
}

TEST_F(CudaPlain, TimesStepsOnTheDevice) {
  Executor gpu = Executor::bind(small_net(), on_gpu({{"data", {2, 3, 8, 8}}}));
  const std::vector<double> times = gpu.time_steps();
  ASSERT_EQ(times.size(), gpu.steps().size());
  for (const double ms : times) EXPECT_GE(ms, 0);
  EXPECT_GT(gpu.time_on_device([&] { gpu.forward_async(); }), 0);
}

TEST_F(CudaPlain, TheMonitorSeesEveryNode) {
  Executor gpu = Executor::bind(small_net(), on_gpu({{"data", {2, 3, 8, 8}}}));
  std::vector<std::string> names;
  gpu.set_monitor([&](const std::string& name, const Tensor& value) {
    names.push_back(name);
    EXPECT_GT(value.elements(), 0);
  });
  gpu.forward();
  EXPECT_THAT(names, testing::Contains("c_output"));
  EXPECT_THAT(names, testing::Contains("t_output"));
}

TEST_F(CudaPlain, ThreadsWithExecutorsOfTheirOwnAgree) {
  const Model model = small_net();
  std::vector<Tensor> results(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      Executor gpu = Executor::bind(model, on_gpu({{"data", {2, 3, 8, 8}}}));
      gpu.set_input("data", ramp({2, 3, 8, 8}));
      for (int turn = 0; turn < 20; ++turn) gpu.forward();
      results[i] = gpu.output(0).clone();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Tensor& result : results) {
    EXPECT_EQ(0, std::memcmp(result.data(), results[0].data(), result.bytes())) << "bits differ";
  }
}

TEST_F(CudaPlain, TooLittleMemorySaysWhatIsNeededAndLeavesTheDeviceUsable) {
  const Model model(parse_graph("%data = variable\n%y = exp(%data)\n%z = exp(%y)\nreturn %z\n", ops()), {});
  try {
    Executor::bind(model, on_gpu({{"data", {1 << 20, 1 << 18}}}));
    FAIL() << "bound";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_THAT(error.what(), testing::HasSubstr("bytes free"));
  }
  Executor small = Executor::bind(model, on_gpu({{"data", {1, 4}}}));
  small.forward();
  EXPECT_NEAR(small.output(0).data<float>()[0], 2.718281828f, 1e-5f);
}

TEST_F(CudaPlain, AnOrdinalBeyondTheLastIsRefused) {
  BindOptions options = on_gpu({{"data", {1, 3, 32, 32}}});
  options.device.ordinal = 99;
  try {
    Executor::bind(small_net(), options);
    FAIL() << "bound";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("there is no device cuda:99"));
  }
}

class CudaRefusal : public CudaPlain, public testing::WithParamInterface<gpu_cases::Refused> {};

TEST_P(CudaRefusal, IsTheReferencesOwn) {
  gpu_cases::expect_refusal(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, CudaRefusal, testing::ValuesIn(gpu_cases::refusals()),
                         [](const auto& test) { return test.param.name; });

class CudaQuantized : public CudaPlain, public testing::WithParamInterface<gpu_cases::Quantized> {};

TEST_P(CudaQuantized, GivesTheReferencesBits) {
  gpu_cases::expect_same_bits(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, CudaQuantized, testing::ValuesIn(gpu_cases::quantizations()),
                         [](const auto& test) { return test.param.name; });

class CudaKernel : public CudaPlain, public testing::WithParamInterface<gpu_cases::Case> {};

TEST_P(CudaKernel, ComputesWhatTheReferenceDoes) {
  gpu_cases::expect_reference(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, CudaKernel, testing::ValuesIn(gpu_cases::all()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tenon
