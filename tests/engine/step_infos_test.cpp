// What a reader is told of the steps: what each covers, how often it runs, what it multiplies, how long it takes.

#include <gmock/gmock.h>

#include <tenon/session.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/numbers.h"

namespace tenon {
namespace {

constexpr const char* kTwoConvolutions =
    "%data = variable\n%w0 = variable\n%w1 = variable\n"
    "%c0 = Convolution(%data, %w0) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
    "%r0 = relu(%c0)\n"
    "%c1 = Convolution(%r0, %w1) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
    "%r1 = relu(%c1)\n"
    "return %r1\n";

Engine build(const Shape& data, const std::string& backend, int threads) {
  const Model model(parse_graph(kTwoConvolutions, ops()),
                    {{"w0", waves({32, 3, 3, 3}, 0.7)}, {"w1", waves({32, 32, 3, 3}, 0.3)}});
  BindOptions options;
  options.shapes = {{"data", data}};
  options.backend = backend;
  options.threads = threads;
  return Engine::build(model, options);
}

const StepInfo& covering(const std::vector<StepInfo>& steps, const std::string& node) {
  for (const StepInfo& step : steps) {
    if (std::ranges::find(step.covers, node) != step.covers.end()) return step;
  }
  throw std::runtime_error("no step covers " + node);
}

std::vector<std::string> all_covered(const std::vector<StepInfo>& steps) {
  std::vector<std::string> nodes;
  for (const StepInfo& step : steps) nodes.insert(nodes.end(), step.covers.begin(), step.covers.end());
  return nodes;
}

TEST(StepInfos, WinogradCountsItsOwnMultiplications) {
  const auto steps = build({1, 3, 48, 48}, "cpu", 1).steps();
  const StepInfo& step = covering(steps, "c1");
  if (!step.implementation.starts_with("tenon:")) GTEST_SKIP() << "this machine has neither AVX2 nor AVX-512";
  EXPECT_EQ(step.implementation, "tenon:winograd-f66");
  const double relu = 32 * 48 * 48;
  EXPECT_EQ(step.operations, 2. * 32 * 32 * 9 * 48 * 48 + relu);
  // 8x8 tiles of 64 points stand for 48x48 pixels of 9 taps.
  EXPECT_EQ(step.done_operations, 2. * 32 * 32 * 64 * 8 * 8 + relu);
  EXPECT_THAT(step.covers, testing::ElementsAre("c1", "r1"));
}

TEST(StepInfos, WhatMultipliesDirectlyDoesWhatTheFormulaSays) {
  for (const StepInfo& step : build({1, 3, 56, 56}, "plain", 1).steps()) {
    EXPECT_EQ(step.done_operations, step.operations) << step.node;
  }
}

TEST(StepInfos, StepsInsidePortionsAreShownWithWhatTheyCover) {
  for (const std::string backend : {"plain", "cpu"}) {
    for (const int threads : {1, 2}) {
      SCOPED_TRACE(backend + ", " + std::to_string(threads) + " threads");
      Session session(build({16, 3, 96, 96}, backend, threads));
      session.set_input("data", waves({16, 3, 96, 96}, 0.1));
      session.forward();
      const Tensor before = session.output(0).clone();
      const auto steps = session.steps();
      EXPECT_THAT(all_covered(steps), testing::UnorderedElementsAre("c0", "r0", "c1", "r1"));
      const StepInfo& first = covering(steps, "c0");
      EXPECT_GT(first.portions, 1);
      EXPECT_EQ(first.outputs[0].shape[0] * first.portions, 16);
      EXPECT_EQ(first.engine.empty(), backend == "plain");

      const std::vector<double> times = session.time_steps();
      ASSERT_EQ(times.size(), steps.size());
      for (const double ms : times) EXPECT_GE(ms, 0);
      EXPECT_EQ(std::memcmp(before.data(), session.output(0).data(), before.bytes()), 0);  // timing spoils nothing
    }
  }
}

}  // namespace
}  // namespace tenon
