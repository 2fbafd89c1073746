#include <tenon/session.h>

#include <barrier>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/allocations.h"
#include "support/evaluate.h"
#include "support/numbers.h"

namespace tenon {
namespace {

constexpr int kThreads = 4, kSessions = 3, kRuns = 5;

/// A residual network in small, and an operator (topk) that stays outside of engine nodes.
Model small_model() {
  constexpr const char* text =
      "%data = variable\n%w0 = variable\n%w1 = variable\n%w2 = variable\n"
      "%c0 = Convolution(%data, %w0) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
      "%r0 = relu(%c0)\n"
      "%c1 = Convolution(%r0, %w1) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
      "%sum = elemwise_add(%c1, %c0)\n"
      "%pool = Pooling(%sum) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
      "%fc = FullyConnected(%pool, %w2) {num_hidden=10, no_bias=True}\n"
      "%soft = softmax(%fc)\n"
      "%top = topk(%soft) {k=3, ret_typ=value}\n"
      "return %top, %soft\n";
  return Model(parse_graph(text, ops()),
               {{"w0", waves({32, 3, 3, 3}, 0.7)}, {"w1", waves({32, 32, 3, 3}, 0.3)}, {"w2", waves({10, 32}, 0.9)}});
}

Engine engine_on(const std::string& backend, int threads = 1) {
  BindOptions options;
  options.shapes = {{"data", {1, 3, 24, 24}}};
  options.backend = backend;
  options.threads = threads;
  return Engine::build(small_model(), options);
}

std::vector<float> run(Session& session, const Tensor& data) {
  session.set_input("data", data);
  session.forward();
  const Tensor& soft = session.output(1);
  return {soft.data<float>(), soft.data<float>() + soft.elements()};
}

class SessionOnBackend : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Backends, SessionOnBackend, testing::Values("reference", "plain", "cpu"),
                         [](const auto& backend) { return std::string(backend.param); });

TEST_P(SessionOnBackend, ManyInManyThreadsGiveTheBitsOfOne) {
  const Engine engine = engine_on(GetParam());
  std::vector<Tensor> data;
  std::vector<std::vector<float>> expected;
  for (int i = 0; i < kThreads * kSessions; ++i) {
    data.push_back(waves({1, 3, 24, 24}, 0.1 + 0.05 * i));
    Session alone(engine);
    expected.push_back(run(alone, data.back()));
  }
  ASSERT_NE(expected[0], expected[1]);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::vector<Session> sessions;
      for (int i = 0; i < kSessions; ++i) sessions.emplace_back(engine);
      for (int i = 0; i < kRuns * kSessions; ++i) {
        const auto which = static_cast<std::size_t>(thread * kSessions + i % kSessions);
        EXPECT_EQ(run(sessions[static_cast<std::size_t>(i % kSessions)], data[which]), expected[which]);
      }
    });
  }
}

TEST_P(SessionOnBackend, OutlivesItsEngine) {
  auto engine = std::make_unique<Engine>(engine_on(GetParam()));
  Session session(*engine);
  const auto before = run(session, waves({1, 3, 24, 24}, 0.2));
  engine.reset();
  EXPECT_EQ(run(session, waves({1, 3, 24, 24}, 0.2)), before);
}

/// Counts what happens while every thread is inside its forwards.
TEST(Session, ForwardOnTheAcceleratedPathNeitherAllocatesNorLocks) {
  const Engine engine = engine_on("cpu");
  long allocations_before = 0, locks_before = 0, allocations_after = 0, locks_after = 0;
  int phase = 0;
  std::barrier together(kThreads, [&]() noexcept {
    (phase == 0 ? allocations_before : allocations_after) = allocations();
    (phase++ == 0 ? locks_before : locks_after) = locks();
  });
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        Session session(engine);
        session.forward();  // OpenMP prepares this thread
        together.arrive_and_wait();
        for (int i = 0; i < kRuns; ++i) session.forward();
        together.arrive_and_wait();
      });
    }
  }
  EXPECT_EQ(allocations_after - allocations_before, 0);
  EXPECT_EQ(locks_after - locks_before, 0);
}

TEST(Session, CountsOfTheTestAboveCount) {
#ifndef TENON_SANITIZED
  const long allocations_before = allocations(), locks_before = locks();
  const auto kept = std::make_unique<std::mutex>();
  const std::scoped_lock lock(*kept);
  EXPECT_EQ(allocations() - allocations_before, 1);
  EXPECT_EQ(locks() - locks_before, 1);
#endif
}

TEST(Session, SharesTheParametersOfItsEngine) {
  const Engine engine = engine_on("cpu");
  const Session first(engine), second(engine);
  EXPECT_EQ(first.parameter_bytes(), engine.parameter_bytes());
  EXPECT_EQ(engine.inputs(), std::vector<std::string>{"data"});
  EXPECT_EQ(engine.outputs(), (std::vector<std::string>{"top_output0", "soft_output"}));
  EXPECT_EQ(engine.type("top_output0").shape, (Shape{1, 3}));
}

}  // namespace
}  // namespace tenon
