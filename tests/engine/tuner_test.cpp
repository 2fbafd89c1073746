#include "engine/tuner.h"

#include <thread>

#include <gmock/gmock.h>

#include "core/threads.h"
#include "engine/program.h"
#include "passes/primitives.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Takes every `pointwise`, in so many milliseconds; counts its runs.
Implementation takes(std::string name, int ms, int& runs) {
  return {std::move(name), {"pointwise"}, [ms, &runs](const StepRequest&) -> Offer {
            StepPlan plan;
            plan.kernel.run = [ms, &runs](const Operands&) {
              ++runs;
              std::this_thread::sleep_for(std::chrono::milliseconds(ms));
            };
            return plan;
          }};
}

Implementation refuses(std::string name) {
  return {std::move(name), {"pointwise"}, [](const StepRequest&) -> Offer { return "never"; }};
}

class TunerTest : public testing::Test {
 protected:
  Program build(Tuner* tuner) {
    Graph graph = parse_graph(
        "%x = variable\n%y = pointwise(%x) {epilogue=relu(x)}\n%z = pointwise(%y) "
        "{epilogue=relu(x)}\nreturn %z\n",
        body_ops());
    infer(graph, {{"x", {{2, 16}, DType::float32}}});
    ParameterStore store(Model(Graph(), {}));
    return build_program(graph, backend_, {}, store, {.tuner = tuner});
  }
  static std::vector<std::string> implementations(const Program& program) {
    std::vector<std::string> names;
    for (const Step& step : program.steps) names.push_back(step.info.implementation);
    return names;
  }
  int runs() const { return slow_runs_ + quick_runs_; }

  int slow_runs_ = 0, quick_runs_ = 0, any_runs_ = 0;
  Backend backend_{"test", {refuses("picky"), takes("slow", 4, slow_runs_), takes("quick", 0, quick_runs_)}};
  TimingCache cache_{FileCache({})};
};

TEST_F(TunerTest, WithoutItTheFirstThatAcceptsIsTaken) {
  EXPECT_THAT(implementations(build(nullptr)), ElementsAre("slow", "slow"));
  EXPECT_EQ(runs(), 0);
}

TEST_F(TunerTest, TakesTheFastestAndSaysWhatTheOthersTook) {
  Tuner tuner({}, cache_);
  const Program program = build(&tuner);
  EXPECT_THAT(implementations(program), ElementsAre("quick", "quick"));
  EXPECT_THAT(program.steps[0].info.refusals, ElementsAre("picky: never", HasSubstr("slow: took ")));
}

TEST_F(TunerTest, NeverTimesWhatTakesAnyOperator) {
  backend_.implementations.push_back(takes("any", 0, any_runs_));
  backend_.implementations.back().ops.clear();
  Tuner tuner({}, cache_);
  EXPECT_THAT(implementations(build(&tuner)), ElementsAre("quick", "quick"));
  EXPECT_EQ(any_runs_, 0);
}

TEST_F(TunerTest, AProblemIsMeasuredOnce) {
  Tuner tuner({}, cache_);
  build(&tuner);
  const int before = runs();
  EXPECT_GT(before, 0);
  Tuner later({}, cache_);
  EXPECT_THAT(implementations(build(&later)), ElementsAre("quick", "quick"));
  EXPECT_EQ(runs(), before);
}

TEST_F(TunerTest, OtherThreadsAnotherListAndOtherLibrariesAreOtherProblems) {
  Tuner tuner({}, cache_);
  build(&tuner);
  const auto measures_again = [&] {
    const int before = runs();
    Tuner later({}, cache_);
    build(&later);
    return runs() > before;
  };
  EXPECT_FALSE(measures_again());
  {
    const ThreadScope scope(current_threads() + 1);
    EXPECT_TRUE(measures_again());
  }
  backend_.identity = "a library 2.0";
  EXPECT_TRUE(measures_again());
  backend_.implementations.erase(backend_.implementations.begin());
  EXPECT_TRUE(measures_again());
}

TEST_F(TunerTest, WhatWasMeasuredInFullServesTheFastToo) {
  Tuner full({.effort = Effort::full}, cache_);
  build(&full);
  const int before = runs();
  Tuner fast({}, cache_);
  build(&fast);
  EXPECT_EQ(runs(), before);
}

TEST_F(TunerTest, AWinnerThatIsNoLongerOfferedGivesWayToTheFirst) {
  Tuner tuner({}, cache_);
  build(&tuner);
  backend_.implementations[2] = refuses("quick");  // the list, and so the problem, is the same
  Tuner later({}, cache_);
  EXPECT_THAT(implementations(build(&later)), ElementsAre("slow", "slow"));
}

TEST_F(TunerTest, ReportsEachStepAndStopsWhenAsked) {
  std::vector<std::string> reports;
  Tuner::Options options;
  options.progress = [&](const BuildProgress& progress) {
    reports.push_back(fmt::format("{}/{} {}", progress.done, progress.total, progress.node));
    return false;
  };
  Tuner tuner(options, cache_);
  backend_.implementations.push_back(takes("third", 0, any_runs_));
  EXPECT_THAT(implementations(build(&tuner)), ElementsAre(testing::Not("slow"), testing::Not("slow")))
      << "the second step is the same problem";
  EXPECT_THAT(reports, ElementsAre("1/2 y"));
}

TEST_F(TunerTest, ABuildReportsWithoutMeasuringAndWhatTheWatcherThrowsComesOut) {
  struct Enough {};
  int reports = 0;
  Tuner tuner({.effort = Effort::off,
               .progress = [&](const BuildProgress&) -> bool {
                 if (++reports == 2) throw Enough();
                 return true;
               }},
              cache_);
  EXPECT_THROW(build(&tuner), Enough);
  EXPECT_EQ(reports, 2);
  EXPECT_EQ(runs(), 0);
}

TEST_F(TunerTest, TakesTheFirstOnceTheTimeIsOver) {
  Tuner tuner({.seconds = -1}, cache_);
  EXPECT_THAT(implementations(build(&tuner)), ElementsAre("slow", "slow"));
  EXPECT_EQ(runs(), 0);
}

TEST(Effort, IsOneOfThreeWords) {
  EXPECT_EQ(parse_effort("full"), Effort::full);
  try {
    parse_effort("slow");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no way to tune 'slow'; choose off, fast or full"));
  }
}

}  // namespace
}  // namespace tenon
