// The CUDA runtime over the fake driver: no kernel compiles for it, so that every step goes to the host and back on a
// stream.

#include <cmath>
#include <cstring>
#include <thread>

#include <tenon/devices.h>

#include "fixture.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST_F(FakeCuda, AKernelThatDoesNotCompileIsReplacedByTheNextImplementation) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {2, 3}));
  ASSERT_EQ(executor.steps().size(), 2u);
  EXPECT_EQ(executor.steps()[0].implementation, "host:reference");
  EXPECT_THAT(executor.steps()[0].refusals,
              testing::Contains(AllOf(HasSubstr("cuda:reduce"), HasSubstr("does not compile"))));
  executor.set_input("data", tensor({2, 3}, {0.1, 0.2, 0.3, 1, 1, 1}));
  for (int turn = 0; turn < 3; ++turn) {
    executor.forward();
    expect_tensor(executor.output(0), {2}, {std::exp(0.6), std::exp(3.0)});
  }
}

TEST_F(FakeCuda, AnEngineWithoutKernelsStillComputes) {
  const Model model = model_of(
      "%data = variable\n%w = variable\n%c = Convolution(%data, %w) {kernel=(1, 1), num_filter=1, no_bias=True}\n"
      "%r = Activation(%c) {act_type=relu}\nreturn %r\n",
      {{"w", tensor({1, 2, 1, 1}, {2, -1})}});
  Executor executor = Executor::bind(model, on(0, {1, 2, 1, 2}, "cuda"));
  executor.set_input("data", tensor({1, 2, 1, 2}, {1, 2, 1, 5}));
  for (int turn = 0; turn < 3; ++turn) {
    executor.forward();
    expect_tensor(executor.output(0), {1, 1, 1, 2}, {1, 0});
  }
}

// The engine joins the two for a kernel that does not compile.
TEST_F(FakeCuda, AnEngineWithoutKernelsForWhatItJoinsComputesItApart) {
  std::vector<double> numbers(64 * 3 * 9);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(0.37 * static_cast<double>(i));
  const Model model = model_of(
      "%data = variable\n%w = variable\n"
      "%c = Convolution(%data, %w) {kernel=(3, 3), stride=(2, 2), num_filter=64, no_bias=True}\n"
      "%r = Activation(%c) {act_type=relu}\n%p = Pooling(%r) {kernel=(3, 3), stride=(2, 2), pool_type=max}\nreturn "
      "%p\n",
      {{"w", tensor({64, 3, 3, 3}, numbers)}});
  std::vector<double> pixels(3 * 64 * 64);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = std::cos(0.11 * static_cast<double>(i));
  BindOptions on_host;
  on_host.shapes = {{"data", {1, 3, 64, 64}}};
  Executor host = Executor::bind(model, on_host), device = Executor::bind(model, on(0, {1, 3, 64, 64}, "cuda"));
  for (Executor* executor : {&host, &device}) {
    executor->set_input("data", tensor({1, 3, 64, 64}, pixels));
    executor->forward();
  }
  const Tensor &wanted = host.output(0), &got = device.output(0);
  ASSERT_EQ(got.shape(), wanted.shape());
  for (std::int64_t i = 0; i < wanted.elements(); ++i) {
    ASSERT_NEAR(got.data<float>()[i], wanted.data<float>()[i], 1e-4) << i;
  }
}

TEST_F(FakeCuda, ForwardsAreQueuedAndWorkOnTheInputsOfTheirTime) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {1, 1}));
  executor.forward();
  executor.forward();  // recorded
  for (int turn = 0; turn < 6; ++turn) {
    Tensor value = tensor({1, 1}, {turn / 10.0});
    executor.set_input("data", value);
    value.mutable_data<float>()[0] = 100;  // the caller's again
    const std::size_t before = fake_cuda_pending();
    executor.forward_async();
    EXPECT_GT(fake_cuda_pending(), before) << "the host waited";
    if (turn % 2 == 0) continue;
    EXPECT_NEAR(first(executor), std::exp(turn / 10.0), 1e-5);
    EXPECT_EQ(fake_cuda_pending(), 0u);
  }
  executor.forward_async();
  executor.wait();
  EXPECT_EQ(fake_cuda_pending(), 0u);
}

TEST_F(FakeCuda, WhatAStepOnTheHostRefusesIsToldByWait) {
  Executor executor =
      Executor::bind(model_of("%data = variable\n%w = variable\n%y = take(%w, %data) {mode=raise}\nreturn %y\n",
                              {{"w", tensor({3}, {10, 11, 12})}}),
                     on(0, {2}));
  for (int turn = 0; turn < 3; ++turn) {
    executor.set_input("data", tensor({2}, {0, 3}));
    executor.forward_async();
    EXPECT_THAT(refusal([&] { executor.wait(); }), HasSubstr("node 'y' (take): index 3 is outside an axis of size 3"));
    executor.set_input("data", tensor({2}, {0, 2}));
    executor.forward();
    expect_tensor(executor.output(0), {2}, {10, 12});
  }
}

TEST_F(FakeCuda, AnInputMayExceedThePinnedBuffers) {
  constexpr std::int64_t size = 3 << 20;
  Executor executor = Executor::bind(model_of("%data = variable\n%y = relu(%data)\nreturn %y\n"), on(0, {size}));
  Tensor value(Shape{size}, DType::float32);
  for (std::int64_t i = 0; i < size; ++i) value.mutable_data<float>()[i] = static_cast<float>(i);
  executor.set_input("data", value);
  executor.forward_async();
  EXPECT_EQ(std::memcmp(executor.output(0).data(), value.data(), value.bytes()), 0);
}

TEST_F(FakeCuda, AnExecutorMayGoWhileItsForwardsAreQueued) {
  const Model model = model_of(kSum);
  {
    Executor goes = Executor::bind(model, on(0, {64, 64}));
    for (int i = 0; i < 4; ++i) goes.forward_async();
  }
  EXPECT_EQ(fake_cuda_pending(), 0u) << "memory was given back under queued work";
  Executor stays = Executor::bind(model, on(0, {1, 1}));
  stays.forward();
  EXPECT_EQ(first(stays), 1);
}

TEST_F(FakeCuda, WorkThatCannotBeRecordedIsQueuedAnew) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {1, 1}));
  executor.set_input("data", tensor({1, 1}, {0.5}));
  executor.forward();
  fake_cuda_fail_calls("cuStreamEndCapture", kOutOfAnyOrder, 1);
  for (int turn = 0; turn < 3; ++turn) {
    executor.forward();
    EXPECT_NEAR(first(executor), std::exp(0.5), 1e-5);
  }
}

TEST_F(FakeCuda, TooLittleMemoryFreesWhatIsKeptThenSaysNeedAndHave) {
  fake_cuda_set_memory(1, 8 << 20);
  const Model model = model_of("%data = variable\n%y = relu(%data)\nreturn %y\n");
  Executor::bind(model, on(1, {1 << 19}));  // 2 MiB in, 2 out: kept in the cache when it goes
  EXPECT_GT(fake_cuda_used(1), 0u);
  {
    Executor large = Executor::bind(model, on(1, {1 << 20}));  // all there is
    large.forward();
  }
  try {
    Executor::bind(model, on(1, {1 << 22}));
    FAIL() << "bound";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("cuda:1"), HasSubstr("of 8388608 bytes free"), HasSubstr("16777216 more are needed")));
  }
  Executor small = Executor::bind(model, on(1, {4}));
  small.forward();
  EXPECT_EQ(first(small), 0);
}

TEST_F(FakeCuda, ALostDeviceQuotesTheFirstCauseAndTheOthersGoOn) {
  const Model model = model_of(kSum);
  Executor lost = Executor::bind(model, on(3, {1, 1}));
  Executor other = Executor::bind(model, on(2, {1, 1}));
  lost.forward();
  lost.forward_async();
  fake_cuda_fail_work(kIllegalAddress);
  EXPECT_THAT(refusal([&] { lost.wait(); }), HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS"));
  const auto quotes = AllOf(HasSubstr("cuda:3"), HasSubstr("the first cause"), HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS"));
  EXPECT_THAT(refusal([&] { lost.forward(); }), quotes);
  EXPECT_THAT(refusal([&] { (void)lost.output(0); }), quotes);
  EXPECT_THAT(refusal([&] { lost.set_input("data", tensor({1, 1}, {1})); }), quotes);
  EXPECT_THAT(refusal([&] { Executor::bind(model, on(3, {1, 1})); }), quotes);
  other.forward();
  EXPECT_EQ(first(other), 1);
}

TEST_F(FakeCuda, ThreadsAndDevicesDoNotDisturbEachOther) {
  const Model model = model_of(kSum);
  const Engine shared = Engine::build(model, on(0, {1, 4}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      Session session = i % 2 == 0 ? Session(shared) : Session(Engine::build(model, on(i % 3, {1, 4})));
      session.set_input("data", tensor({1, 4}, {i / 10.0, 0, 0, 0}));
      for (int turn = 0; turn < 50; ++turn) {
        session.forward();
        ASSERT_NEAR(session.output(0).data<float>()[0], std::exp(i / 10.0), 1e-5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(FakeCuda, AnyThreadMayMakeTheFirstForwardWhateverDeviceItUsedBefore) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {1, 1}));
  Executor elsewhere = Executor::bind(model_of(kSum), on(1, {1, 1}));
  executor.forward();
  EXPECT_EQ(first(executor), 1);
  std::thread([&] { elsewhere.forward(); }).join();
  EXPECT_EQ(first(elsewhere), 1);
}

TEST_F(FakeCuda, TheOrdinalSaysWhichDevice) {
  EXPECT_EQ(list_devices().devices.size(), 1u + kFakeDevices);
  const std::size_t before = fake_cuda_used(2);
  Executor executor = Executor::bind(model_of(kSum), on(2, {1, 1 << 20}));
  EXPECT_GE(fake_cuda_used(2), before + (4u << 20));
  EXPECT_THAT(refusal([] {
                Executor::bind(model_of(kSum), on(5, {1, 1}));
              }),
              AllOf(HasSubstr("there is no device cuda:5"), HasSubstr("5 CUDA devices")));
}

TEST_F(FakeCuda, PlainStepsAreOfOnePrecision) {
  BindOptions options = on(0, {1, 1});
  options.precision = "fp16";
  EXPECT_THAT(refusal([&] { Executor::bind(model_of(kSum), options); }),
              HasSubstr("the backend 'plain' computes on cuda:0 with fp32, not fp16; choose the backend cuda"));
}

TEST_F(FakeCuda, AForkIsToldThatItCannotUseTheDevice) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {1, 1}));
  executor.forward();
  EXPECT_EXIT(
      {
        const std::string said = refusal([&] { executor.forward(); });
        _exit(said.find("before this process was forked") == std::string::npos ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
  executor.forward();
  EXPECT_EQ(first(executor), 1);
}

TEST_F(FakeCuda, AnExecutorMayOutliveMain) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process of its own, in which CUDA was not used before
  EXPECT_EXIT(
      {
        static Executor lasting = Executor::bind(model_of(kSum), on(0, {1, 1}));
        lasting.forward_async();
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

/// A convolution with several candidates, on a device that kernels compile for.
class FakeTuning : public FakeCuda {
 protected:
  void SetUp() override {
    FakeCuda::SetUp();
    fake_cuda_set_capability(4, 8, 0);
  }
  ~FakeTuning() override { fake_cuda_hang(0); }

  const Model model = model_of(
      "%data = variable\n%w = variable\n"
      "%c = Convolution(%data, %w) {kernel=(3, 3), pad=(1, 1), num_filter=64, no_bias=True}\nreturn %c\n",
      {{"w", Tensor(Shape{64, 64, 3, 3}, DType::float32)}});
};

TEST_F(FakeTuning, ACandidateThatDoesNotEndIsLeftOut) {
  BindOptions options = on(4, {1, 64, 14, 14}, "cuda");
  options.precision = "fp16";
  fake_cuda_hang(1);
  testing::internal::CaptureStderr();
  const Executor executor = Executor::bind(model, options);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("is left out: it has not ended after 1000 ms"));
  for (const StepInfo& step : executor.steps()) EXPECT_THAT(step.implementation, testing::Not(HasSubstr("host:")));
}

TEST_F(FakeTuning, WhereNoCandidateEndsTheNextImplementationIsAsked) {
  BindOptions options = on(4, {1, 64, 14, 14}, "cuda");
  options.precision = "bf16";
  fake_cuda_hang(100);
  testing::internal::CaptureStderr();
  const Executor executor = Executor::bind(model, options);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("have not ended after 1000 ms each"));
  EXPECT_GT(executor.steps().size(), 0u);
}

TEST_F(FakeCuda, TimesStepsAndForwards) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {8, 8}));
  const std::vector<double> times = executor.time_steps();
  ASSERT_EQ(times.size(), 2u);
  for (const double ms : times) EXPECT_GT(ms, 0);
  EXPECT_GT(executor.time_on_device([&] { executor.forward_async(); }), 0);
}

}  // namespace
}  // namespace tenon
