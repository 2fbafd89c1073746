// Every network against MXNet's own export of it.

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "formats/mxnet/symbol.h"
#include "support/golden.h"
#include "zoo/zoo.h"

namespace tenon::zoo {
namespace {

class Exports : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string file = data_path("zoo/" + GetParam() + "-symbol.json");
    std::ifstream stream(file);
    ASSERT_TRUE(stream) << file << " is missing";
    std::ostringstream text;
    text << stream.rdbuf();
    exported_ = text.str();
  }
  std::string exported_;
};

TEST_P(Exports, NodesEqualMxnets) {
  const auto expected = nlohmann::json::parse(exported_);
  const Graph graph = build(GetParam()).graph;
  ASSERT_EQ(graph.size(), static_cast<int>(expected["nodes"].size()));
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const auto& other = expected["nodes"][static_cast<std::size_t>(id)];
    ASSERT_EQ(node.op_name(), other["op"].get<std::string>()) << id << " " << node.name;
    ASSERT_EQ(node.name, other["name"].get<std::string>());
    using Written = std::map<std::string, std::string>;
    ASSERT_EQ(node.written, other.value("attrs", Written())) << node.name;
    ASSERT_EQ(node.inputs.size(), other["inputs"].size()) << node.name;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      ASSERT_EQ(node.inputs[i].node, other["inputs"][i][0].get<int>()) << node.name << " input " << i;
      ASSERT_EQ(node.inputs[i].output, other["inputs"][i][1].get<int>()) << node.name << " input " << i;
    }
  }
  ASSERT_EQ(graph.outputs.size(), expected["heads"].size());
}

TEST_P(Exports, JsonIsMxnetsByteForByte) {
  const std::string actual = save_symbol(build(GetParam()).graph);
  const auto differs = std::ranges::mismatch(actual, exported_);
  EXPECT_EQ(actual.size(), exported_.size());
  EXPECT_EQ(differs.in2, exported_.end()) << "first difference at byte " << differs.in2 - exported_.begin() << ": "
                                          << std::string(differs.in1, actual.end()).substr(0, 80);
}

INSTANTIATE_TEST_SUITE_P(Zoo, Exports, testing::ValuesIn(names()), [](const auto& network) {
  std::string name = network.param;
  std::ranges::replace(name, '.', '_');
  return name;
});

}  // namespace
}  // namespace tenon::zoo
