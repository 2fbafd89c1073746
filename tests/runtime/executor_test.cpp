#include <tenon/executor.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/allocations.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::HasSubstr;

constexpr const char* kChain =
    "%data = variable\n"
    "%a = relu(%data)\n"
    "%b = exp(%a)\n"
    "%c = relu(%b)\n"
    "%d = exp(%c)\n"
    "return %d\n";

/// A convolution with a bias and a relu.
constexpr const char* kConvolution =
    "%data = variable\n"
    "%w = variable\n"
    "%bias = variable\n"
    "%conv = Convolution(%data, %w, %bias) {kernel=(1, 1), num_filter=2}\n"
    "%act = relu(%conv)\n"
    "return %act\n";

Model model_of(std::string_view text, Parameters parameters = {}) {
  return Model(parse_graph(text, ops()), std::move(parameters));
}

Parameters convolution_parameters(DType dtype = DType::float32) {
  return {{"w", tensor({2, 3, 1, 1}, {1, 2, 3, -1, -2, -3}, dtype)}, {"bias", tensor({2}, {0.5, 100}, dtype)}};
}

BindOptions with(std::map<std::string, Shape> shapes, std::string backend = "reference") {
  BindOptions options;
  options.shapes = std::move(shapes);
  options.backend = std::move(backend);
  options.threads = 1;
  return options;
}

Tensor run(Executor& executor, const Tensor& data) {
  executor.set_input("data", data);
  executor.forward();
  return executor.output(0).clone();
}

class ExecutorOnBackend : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Backends, ExecutorOnBackend, testing::Values("reference", "plain"),
                         [](const auto& backend) { return std::string(backend.param); });

TEST_P(ExecutorOnBackend, ComputesWhatTheGraphSays) {
  Executor executor =
      Executor::bind(model_of(kConvolution, convolution_parameters()), with({{"data", {1, 3, 1, 2}}}, GetParam()));
  EXPECT_THAT(executor.inputs(), testing::ElementsAre("data"));
  EXPECT_THAT(executor.outputs(), testing::ElementsAre("act_output"));
  EXPECT_EQ(executor.type("act_output").shape, (Shape{1, 2, 1, 2}));
  EXPECT_EQ(executor.type("data").dtype, DType::float32);
  expect_tensor(run(executor, tensor({1, 3, 1, 2}, {1, 0, 2, 0, 3, 0})), {1, 2, 1, 2}, {14.5, 0.5, 86, 100});
}

TEST_P(ExecutorOnBackend, StartsWithInputsOfZeros) {
  Executor executor = Executor::bind(model_of(kChain), with({{"data", {3}}}, GetParam()));
  executor.forward();
  const double e = std::exp(1.0);
  expect_tensor(executor.output(0), {3}, {e, e, e});
}

TEST_P(ExecutorOnBackend, GivesTheSameBitsForTheSameInput) {
  Executor executor =
      Executor::bind(model_of(kConvolution, convolution_parameters()), with({{"data", {2, 3, 5, 5}}}, GetParam()));
  Tensor data({2, 3, 5, 5}, DType::float32);
  for (int i = 0; i < data.elements(); ++i) data.mutable_data<float>()[i] = std::sin(static_cast<float>(i));
  const Tensor first = run(executor, data);
  run(executor, tensor({2, 3, 5, 5}, std::vector<double>(150, 7)));
  const Tensor again = run(executor, data);
  EXPECT_EQ(std::memcmp(first.data(), again.data(), first.bytes()), 0);
}

TEST_P(ExecutorOnBackend, ReshapesToAnotherBatchKeepingParameters) {
  Executor executor =
      Executor::bind(model_of(kConvolution, convolution_parameters()), with({{"data", {1, 3, 1, 1}}}, GetParam()));
  Executor wider = executor.reshape({{"data", {2, 3, 1, 1}}});
  expect_tensor(run(wider, tensor({2, 3, 1, 1}, {1, 2, 3, 0, 0, 0})), {2, 2, 1, 1}, {14.5, 86, 0.5, 100});
  expect_tensor(run(executor, tensor({1, 3, 1, 1}, {1, 2, 3})), {1, 2, 1, 1}, {14.5, 86});
  EXPECT_EQ(wider.parameter_bytes(), executor.parameter_bytes());
}

TEST_P(ExecutorOnBackend, RunsTwoOfOneModelInParallelThreads) {
  const Model model = model_of(kConvolution, convolution_parameters());
  const auto work = [&](double value) {
    Executor executor = Executor::bind(model, with({{"data", {1, 3, 4, 4}}}, GetParam()));
    const Tensor data = tensor({1, 3, 4, 4}, std::vector<double>(48, value));
    for (int i = 0; i < 50; ++i) {
      const Tensor result = run(executor, data);
      ASSERT_EQ(result.data<float>()[0], static_cast<float>(6 * value + 0.5));
    }
  };
  const std::jthread other(work, 1);
  work(2);
}

TEST_P(ExecutorOnBackend, ForwardAllocatesNothing) {
  Executor executor =
      Executor::bind(model_of(kConvolution, convolution_parameters()), with({{"data", {2, 3, 8, 8}}}, GetParam()));
  executor.forward();  // libraries make their own preparations at the first call
  const AllocationCount count;
  executor.forward();
  EXPECT_EQ(count.count(), 0);
}

TEST(Allocations, AreCounted) {
#ifndef TENON_SANITIZED
  const AllocationCount count;
  const auto kept = std::make_unique<std::atomic<int>>(1);
  EXPECT_EQ(*kept, 1);
  EXPECT_EQ(count.count(), 1);
#endif
}

TEST(Executor, ReusesTheMemoryOfDeadValues) {
  const Executor executor = Executor::bind(model_of(kChain), with({{"data", {1024}}}));
  EXPECT_EQ(executor.activation_bytes(), 2 * 4096u);
}

TEST(Executor, BorrowsParametersFromTheModel) {
  const Executor executor =
      Executor::bind(model_of(kConvolution, convolution_parameters()), with({{"data", {1, 3, 1, 1}}}));
  EXPECT_EQ(executor.parameter_bytes(), 8 * sizeof(float));
}

TEST(Executor, ConvertsParametersOfAnotherType) {
  BindOptions options = with({{"data", {1, 3, 1, 1}}});
  options.types["data"] = DType::float32;
  Executor executor = Executor::bind(model_of(kConvolution, convolution_parameters(DType::float64)), options);
  EXPECT_EQ(executor.type("act_output").dtype, DType::float32);
  expect_tensor(run(executor, tensor({1, 3, 1, 1}, {1, 2, 3})), {1, 2, 1, 1}, {14.5, 86});
}

TEST(Executor, TakesTheTypeOfItsParameters) {
  Executor executor =
      Executor::bind(model_of(kConvolution, convolution_parameters(DType::float64)), with({{"data", {1, 3, 1, 1}}}));
  EXPECT_EQ(executor.type("data").dtype, DType::float64);
  EXPECT_EQ(executor.type("act_output").dtype, DType::float64);
}

TEST(Executor, ReadsParametersAtAnyAddress) {
  alignas(8) static char file[64] = {};
  const float weights[] = {1, 2, 3, -1, -2, -3};
  std::memcpy(file + 1, weights, sizeof(weights));
  Parameters parameters = convolution_parameters();
  parameters["w"] = Tensor::borrow_const(file + 1, {2, 3, 1, 1}, DType::float32);
  Executor executor = Executor::bind(model_of(kConvolution, parameters), with({{"data", {1, 3, 1, 1}}}));
  expect_tensor(run(executor, tensor({1, 3, 1, 1}, {1, 2, 3})), {1, 2, 1, 1}, {14.5, 86});
}

TEST(Executor, AnOutputMayBeAnInputOrAnIntermediate) {
  Executor executor =
      Executor::bind(model_of("%data = variable\n%a = exp(%data)\n%b = relu(%a)\n%c = exp(%b)\nreturn %c, %a, %data\n"),
                     with({{"data", {2}}}));
  run(executor, tensor({2}, {0, 1}));
  const double e = std::exp(1.0);
  expect_tensor(executor.output(0), {2}, {e, std::exp(e)});
  expect_tensor(executor.output(1), {2}, {1, e});
  expect_tensor(executor.output(2), {2}, {0, 1});
}

TEST(Executor, ConvertsTheTypeOfAnInput) {
  Executor executor = Executor::bind(model_of(kChain), with({{"data", {2}}}));
  const double e = std::exp(1.0);
  expect_tensor(run(executor, tensor({2}, {0, -5}, DType::int32)), {2}, {e, e});
}

TEST(Executor, ShowsTheMonitorTheWholeBatch) {
  const auto model = model_of(
      "%data = variable\n%a = relu(%data)\n%b = Activation(%a) {act_type=relu}\n"
      "%c = Pooling(%b) {kernel=(8, 8), stride=(8, 8), pool_type=avg}\nreturn %c\n");
  BindOptions options = with({{"data", {8, 8, 256, 256}}}, "plain");
  options.threads = 1;
  Executor executor = Executor::bind(model, options);
  ASSERT_GT(executor.steps()[0].portions, 1);
  Tensor data(Shape{8, 8, 256, 256}, DType::float32);
  std::fill_n(data.mutable_data<float>(), data.elements(), 2.0f);
  executor.set_input("data", data);
  executor.forward();
  {
    const AllocationCount count;
    executor.forward();
    EXPECT_EQ(count.count(), 0);
  }
  const Tensor before = executor.output(0).clone();
  std::vector<std::string> seen;
  executor.set_monitor(
      [&](const std::string& name, const Tensor& value) { seen.push_back(name + value.shape().str()); });
  executor.forward();
  EXPECT_THAT(seen, testing::ElementsAre("a_output(8,8,256,256)", "b_output(8,8,256,256)", "c_output(8,8,32,32)"));
  EXPECT_EQ(std::memcmp(before.data(), executor.output(0).data(), before.bytes()), 0);
  EXPECT_EQ(executor.output(0).data<float>()[0], 2.0f);
}

TEST(Executor, ForwardsThatAreQueuedWorkOnTheInputsOfTheirTime) {
  Executor executor = Executor::bind(model_of(kChain), with({{"data", {1}}}));
  executor.set_input("data", tensor({1}, {-1}));
  executor.forward_async();
  executor.set_input("data", tensor({1}, {0.5}));
  EXPECT_NEAR(executor.output(0).data<float>()[0], std::exp(1.0f), 1e-6f);
  executor.forward_async();
  executor.wait();
  EXPECT_NEAR(executor.output(0).data<float>()[0], std::exp(std::exp(0.5f)), 1e-5f);
}

TEST(Executor, SaysHowLongItsDeviceTakes) {
  Executor executor = Executor::bind(model_of(kChain), with({{"data", {1000}}}));
  const double ms = executor.time_on_device([&] {
    for (int i = 0; i < 10; ++i) executor.forward_async();
  });
  EXPECT_GT(ms, 0);
}

TEST(Executor, ShowsEveryNodeToTheMonitor) {
  Executor executor = Executor::bind(model_of(kChain), with({{"data", {1}}}));
  std::vector<std::string> seen;
  executor.set_monitor([&](const std::string& name, const Tensor& value) {
    seen.push_back(fmt::format("{}={:.3f}", name, value.data<float>()[0]));
  });
  run(executor, tensor({1}, {-1}));
  EXPECT_THAT(seen, testing::ElementsAre("a_output=0.000", "b_output=1.000", "c_output=1.000", "d_output=2.718"));
}

TEST(Executor, SaysWhichImplementationEachNodeGot) {
  const auto steps = Executor::bind(model_of(kChain), with({{"data", {1}}})).steps();
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[0].node, "a");
  EXPECT_EQ(steps[0].op, "relu");
  EXPECT_EQ(steps[0].implementation, "reference");
}

TEST(Executor, RefusesAnInputOfAnotherShape) {
  Executor executor = Executor::bind(model_of(kChain), with({{"data", {2}}}));
  EXPECT_THAT(refusal([&] {
                executor.set_input("data", tensor({3}, {1, 2, 3}));
              }),
              testing::AllOf(HasSubstr("'data'"), HasSubstr("(2,)"), HasSubstr("(3,)")));
  EXPECT_THAT(refusal([&] {
                executor.set_input("date", tensor({2}, {1, 2}));
              }),
              testing::AllOf(HasSubstr("'date'"), HasSubstr("the inputs are data")));
}

TEST(Executor, RefusesIncompleteShapes) {
  EXPECT_THAT(refusal([] { Executor::bind(model_of(kChain), with({})); }), HasSubstr("data"));
}

TEST(Executor, RefusesAParameterOfAnotherShape) {
  Parameters parameters = convolution_parameters();
  parameters["bias"] = tensor({3}, {1, 2, 3});
  EXPECT_THAT(refusal([&] {
                Executor::bind(model_of(kConvolution, parameters), with({{"data", {1, 3, 1, 1}}}));
              }),
              testing::AllOf(HasSubstr("(3,)"), HasSubstr("(2,)"), HasSubstr("bias")));
}

TEST(Executor, RefusesUnknownBackendsDevicesOutputsAndThreads) {
  const Model model = model_of(kChain);
  EXPECT_THAT(refusal([&] { Executor::bind(model, with({{"data", {2}}}, "fast")); }), HasSubstr("'fast'"));
  BindOptions options = with({{"data", {2}}});
  options.device = Device::parse("cuda");
  EXPECT_THAT(refusal([&] { Executor::bind(model, options); }), HasSubstr("cuda"));
  options = with({{"data", {2}}});
  EXPECT_THAT(refusal([&] { (void)Executor::bind(model, options).output(1); }), HasSubstr("no output 1"));
  options.threads = -1;
  EXPECT_THAT(refusal([&] { Executor::bind(model, options); }), HasSubstr("threads=-1"));
}

}  // namespace
}  // namespace tenon
