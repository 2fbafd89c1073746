// What MXNet 1.9.1 makes of symbol files of every age, byte for byte.

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/mxnet/symbol.h"
#include "support/evaluate.h"
#include "support/files.h"
#include "support/golden.h"

namespace tenon {
namespace {

/// Whether loading `original` and saving it gives the text of `resaved`.
void expect_resaved(const std::string& original, const std::string& resaved) {
  SCOPED_TRACE(original);
  const std::string expected = read_file(resaved);
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(save_symbol(load_symbol(read_file(original), ops())), expected);
}

TEST(SymbolGolden, OldCheckpointsAreUpgradedAsMxnetDoes) {
  const std::string models = shared_path("models"), golden = shared_path("golden/models");
  if (models.empty() || golden.empty()) GTEST_SKIP() << "the checkpoints of ../shared/models are not there";
  for (const std::string name : {"mtcnn/det1", "mtcnn/det2", "mtcnn/det3", "mobileface/id_V1", "mobileface/id_V3"}) {
    expect_resaved(models + "/" + name + "-symbol.json",
                   golden + "/" + name.substr(name.find('/') + 1) + "-resaved.json");
  }
  expect_resaved(models + "/gender-age/model-symbol.json", golden + "/gender-age-resaved.json");
}

/// 0.8 stored no auxiliary states and user attributes without underscores.
TEST(SymbolGolden, TheOldestFileIsUpgradedAsMxnetDoes) {
  // MXNet leaves the inputs that it appends at version 0, where its own composition would count 1; nothing reads it.
  std::string json = save_symbol(load_symbol(read_file(data_path("formats/symbol/save_000800.json")), ops()));
  const auto position = json.find("[14, 0, 1], [15, 0, 1]");
  ASSERT_NE(position, std::string::npos);
  json.replace(position, 22, "[14, 0, 0], [15, 0, 0]");
  EXPECT_EQ(json, read_file(data_path("formats/symbol/save_000800-resaved.json")));
}

TEST(SymbolGolden, ThisAgesFilesComeBackAsTheyWere) {
  int files = 0;
  for (const char* folder : {"golden/zoo", "golden/extra"}) {
    const std::string path = shared_path(folder);
    if (path.empty()) GTEST_SKIP() << "the exported symbols of ../shared/golden are not there";
    for (const auto& item : std::filesystem::directory_iterator(path)) {
      if (!item.path().string().ends_with("-symbol.json")) continue;
      expect_resaved(item.path(), item.path());
      ++files;
    }
  }
  EXPECT_EQ(files, 37);
}

TEST(SymbolGolden, SmallNetworksComeBackAsTheyWere) {
  for (const char* name : {"small", "shapes"}) {
    const std::string path = data_path(std::string("formats/symbol/") + name + ".json");
    expect_resaved(path, path);
  }
}

TEST(SymbolGolden, TheOldestFileHasTheNamesShapesAndAttributesOfMxnet) {
  const auto facts = nlohmann::json::parse(read_file(data_path("formats/symbol/save_000800-facts.json")));
  Graph graph = load_symbol(read_file(data_path("formats/symbol/save_000800.json")), ops());
  EXPECT_EQ(graph.arguments(), facts["argument_order"].get<std::vector<std::string>>());
  EXPECT_EQ(graph.auxiliary_states(), facts["auxiliary_order"].get<std::vector<std::string>>());

  infer(graph, {{"data", {Shape{4, 37}, {}}}});
  nlohmann::json shapes, attributes;
  std::vector<std::string> internals;
  for (const NodeId id : graph.topological_order()) {
    const Node& node = graph.node(id);
    for (int i = 0; i < node.visible_outputs(); ++i) internals.push_back(graph.value_name({id, i}));
    if (node.is_variable()) shapes[node.name] = graph.type({id, 0}).shape.dims();
    // MXNet reports a hidden attribute under both of its names.
    for (const auto& [name, value] : node.written) {
      attributes[node.name][name] = value;
      if (is_hidden_attribute(name) && name != "__init__")
        attributes[node.name][name.substr(2, name.size() - 4)] = value;
    }
  }
  auto expected = facts["arguments"];
  expected.update(facts["auxiliary_states"]);
  EXPECT_EQ(shapes, expected);
  EXPECT_EQ(internals, facts["internals"].get<std::vector<std::string>>());
  EXPECT_EQ(attributes, facts["attributes"]);
  EXPECT_EQ(graph.output_names(), (std::vector<std::string>{"softmax_output"}));
  EXPECT_EQ(graph.type(graph.outputs[0]).shape, Shape({4, 10}));
}

}  // namespace
}  // namespace tenon
