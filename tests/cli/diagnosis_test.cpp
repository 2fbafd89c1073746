// Each sentence of `why not faster`, from measurements made up so that it has to come, and not to come.

#include "cli/diagnosis.h"

#include <gmock/gmock.h>

namespace tenon::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A step that does 1e6 operations and moves 1000 bytes a millisecond: bound by arithmetic on kMachine.
TimedStep step(const std::string& node, double ms, const std::string& engine = "engine0") {
  TimedStep timed;
  timed.info.node = node;
  timed.info.op = "convolution";
  timed.info.implementation = "tenon:direct";
  timed.info.engine = engine;
  timed.info.covers = {node};
  timed.info.operations = timed.info.done_operations = 1e6 * ms;
  timed.info.bytes = 1000 * ms;
  timed.ms = ms;
  timed.of_peak = 0.5;
  return timed;
}

const Roofline kMachine{.operations_per_ms = 2e6, .bytes_per_ms = 1e4};
const std::vector<RefusedNode> kNone;

std::vector<std::string> sentences(const std::vector<TimedStep>& steps, const std::vector<RefusedNode>& refused = kNone,
                                   const Roofline& roofline = kMachine, int threads = 2, int cores = 2) {
  return diagnosis({steps, refused, roofline, threads, cores});
}

std::vector<TimedStep> even_steps() {
  return {step("a", 1), step("b", 1), step("c", 1), step("d", 1)};
}

TEST(Diagnosis, AlwaysSaysWhatWasTakenAndHowFarFromThePeakItIs) {
  EXPECT_THAT(
      sentences(even_steps()),
      ElementsAre("the engine took 4 of 4 nodes, with 100 % of the time",
                  "all steps together would take 2.000 ms at this machine's peak, 50 % of the 4.000 they take"));
}

TEST(Diagnosis, SharesOfNodesAndTimeDiffer) {
  EXPECT_THAT(sentences({step("a", 1), step("b", 1), step("c", 6, "")})[0],
              testing::Eq("the engine took 2 of 3 nodes, with 25 % of the time"));
}

TEST(Diagnosis, RefusalsComeByTheirCostAndTogetherWhereOneRuleMadeThem) {
  const std::vector<TimedStep> steps = {step("conv", 10), step("slice0", 1, ""), step("slice1", 2, ""),
                                        step("top", 7, ""), step("cheap", 0.01, "")};
  const std::vector<RefusedNode> refused = {{"slice0", "SliceChannel", "operator", "nothing faster for SliceChannel"},
                                            {"cheap", "Pad", "operator", "nothing faster for Pad"},
                                            {"slice1", "SliceChannel", "operator", "nothing faster for SliceChannel"},
                                            {"top", "topk", "operator", "nothing faster for topk"}};
  const auto said = sentences(steps, refused);
  EXPECT_EQ(said[1], "'top' (topk) was refused and has 35 % of the time: nothing faster for topk");
  EXPECT_EQ(said[2],
            "2 nodes like 'slice1' (SliceChannel) were refused and have 15 % of the time: nothing faster for "
            "SliceChannel");
  EXPECT_THAT(said, Not(Contains(HasSubstr("cheap"))));
}

TEST(Diagnosis, ARefusalOfAnotherEnginesNodeCostsNothing) {
  EXPECT_THAT(sentences(even_steps(), {{"gone", "topk", "operator", "nothing"}}),
              Contains("'gone' (topk) was refused and has 0 % of the time: nothing"));
}

TEST(Diagnosis, OneLongStepIsNamed) {
  EXPECT_THAT(sentences({step("a", 1), step("b", 1), step("fc", 8)}),
              Contains("one step has 80 % of the time: fc by tenon:direct, at 50 % of this machine's peak"));
  EXPECT_THAT(sentences(even_steps()), Not(Contains(HasSubstr("one step"))));
}

TEST(Diagnosis, CopiesAreNamedWhereTheyMatter) {
  std::vector<TimedStep> steps = even_steps();
  steps.push_back(step("reorder", 1));
  steps.back().info.covers.clear();
  EXPECT_THAT(sentences(steps), Contains("copies between layouts have 20 % of the time"));
  steps.back().ms = 0.1;
  EXPECT_THAT(sentences(steps), Not(Contains(HasSubstr("copies"))));
}

TEST(Diagnosis, MemoryIsNamedWhereItBinds) {
  std::vector<TimedStep> steps = even_steps();
  for (std::size_t i = 0; i < 3; ++i) steps[i].info.bytes = 1e6;
  EXPECT_THAT(sentences(steps), Contains("75 % of the time is in steps that wait for memory, not for arithmetic"));
  EXPECT_THAT(sentences(even_steps()), Not(Contains(HasSubstr("memory"))));
}

TEST(Diagnosis, ThreadsThatAreLeftAreCounted) {
  EXPECT_THAT(sentences(even_steps(), kNone, kMachine, 2, 8), Contains("it runs on 2 of the 8 cores it may use"));
  EXPECT_THAT(sentences(even_steps(), kNone, kMachine, 8, 8), Not(Contains(HasSubstr("cores"))));
}

TEST(Diagnosis, WithoutAMeasuredPeakNothingIsSaidOfIt) {
  std::vector<TimedStep> steps = {step("a", 9), step("b", 1)};
  for (TimedStep& timed : steps) timed.of_peak = 0;
  EXPECT_THAT(sentences(steps, kNone, {}), ElementsAre("the engine took 2 of 2 nodes, with 100 % of the time",
                                                       "one step has 90 % of the time: a by tenon:direct"));
}

TEST(Diagnosis, NoStepsAreNoDivisionByZero) {
  EXPECT_THAT(sentences({})[0], testing::Eq("the engine took 0 of 0 nodes, with 0 % of the time"));
}

}  // namespace
}  // namespace tenon::cli
