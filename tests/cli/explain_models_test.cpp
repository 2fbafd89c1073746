// What explain says of real models: every node is either in a step of an engine, or refused with a reason.

#include <filesystem>
#include <set>

#include "cli/program.h"
#include "support/golden.h"

namespace tenon {
namespace {

using testing::ContainsRegex;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

/// Runs explain, checks that nodes outside engines are those refused, each with a rule and a reason that begins with
/// its operator and has a number or a value; gives "node: operator" of the refused.
std::set<std::string> refused(const std::string& model) {
  const auto json = program_json("explain " + model + " --threads 1 --json");
  std::set<std::string> outside, left;
  for (const auto& step : json["steps"]) {
    if (step["engine"].is_null()) outside.insert(step["covers"].begin(), step["covers"].end());
  }
  std::set<std::string> named;
  for (const auto& node : json["refused"]) {
    named.insert(node["node"]);
    left.insert(node["node"].get<std::string>() + ": " + node["op"].get<std::string>());
    EXPECT_NE(node["rule"], "") << node;
    EXPECT_THAT(node["reason"].get<std::string>(), StartsWith(node["op"].get<std::string>())) << node;
    EXPECT_THAT(node["reason"].get<std::string>(), ContainsRegex("[0-9=]|TensorRT")) << node;
  }
  EXPECT_EQ(outside, named) << model;
  EXPECT_FALSE(json["steps"].empty());
  return left;
}

std::string extra(const std::string& name) {
  return "--symbol " + data_path("extra/" + name + "-symbol.json");
}

TEST(ExplainModels, TheDetectionHeadKeepsItsAnchorsAndBoxesPlain) {
  EXPECT_THAT(refused(extra("ssd_head") + " --shape data=2,3,64,64"),
              UnorderedElementsAre("fine_anchors: _contrib_MultiBoxPrior", "coarse_anchors: _contrib_MultiBoxPrior",
                                   "detection: _contrib_MultiBoxDetection"));
}

TEST(ExplainModels, TheLstmIsTakenAndWhatPicksItsLastStepIsNot) {
  const std::string lstm =
      extra("lstm_classifier") + " --shape data=3,11 --shape lstm_state=4,3,24 --shape lstm_state_cell=4,3,24";
  EXPECT_THAT(refused(lstm), UnorderedElementsAre("last: SequenceLast"));
  EXPECT_THAT(program("explain " + lstm).out,
              testing::HasSubstr("SequenceLast of (11,3,48) to (3,48): the backend 'cpu' has nothing faster for it"));
}

TEST(ExplainModels, TheTransformerBlockIsTakenWhole) {
  EXPECT_THAT(refused(extra("transformer_block") + " --shape data=2,10,32"), IsEmpty());
}

TEST(ExplainModels, TheFaceDetectorsAreTakenWholeAndMxnetTookLess) {
  const std::string folder = shared_path("models/mtcnn");
  if (folder.empty()) GTEST_SKIP() << "the checkpoints are not here";
  const std::map<std::string, std::string> shapes = {
      {"det1", "1,3,60,60"}, {"det2", "1,3,24,24"}, {"det3", "1,3,48,48"}};
  for (const auto& [net, shape] : shapes) {
    const std::string model = folder + "/" + net + " --shape data=" + shape;
    EXPECT_THAT(refused(model), IsEmpty()) << net;
    const auto theirs = refused(model + " --selector mxnet-tensorrt");
    EXPECT_TRUE(theirs.contains("prelu1: LeakyReLU")) << net;
  }
}

}  // namespace
}  // namespace tenon
