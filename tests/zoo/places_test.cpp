// The names under which Gluon stores trained weights, against Gluon's own tree of blocks (gluon-places.txt).

#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "support/golden.h"
#include "zoo/zoo.h"

namespace tenon::zoo {
namespace {

using Blocks = std::map<std::string, std::string>;  // name scope → place

std::map<std::string, Blocks> read_places() {
  std::ifstream stream(data_path("gluon-places.txt"));
  std::map<std::string, Blocks> networks;
  Blocks* blocks = nullptr;
  for (std::string line; std::getline(stream, line);) {
    if (line[0] != ' ') {
      blocks = &networks[line];
    } else {
      const auto space = line.find(' ', 1);
      (*blocks)[line.substr(1, space - 1)] = line.substr(space + 1);
    }
  }
  return networks;
}

TEST(Places, EqualGluonsForEveryNetwork) {
  const auto expected = read_places();
  ASSERT_EQ(expected.size(), 34u);
  for (const auto& [name, blocks] : expected) {
    const Network network = build(name);
    Blocks actual;
    for (const auto& [parameter, place] : network.places) {
      const auto dot = place.rfind('.');
      const std::string word = place.substr(dot + 1);
      ASSERT_TRUE(parameter.starts_with(network.prefix) && parameter.ends_with("_" + word))
          << parameter << " " << place;
      const std::string scope = parameter.substr(network.prefix.size());
      actual[scope.substr(0, scope.size() - word.size())] = place.substr(0, dot);
    }
    EXPECT_EQ(actual, blocks) << name;
  }
}

TEST(Places, EveryParameterHasOne) {
  for (const std::string& name : names()) {
    const Network network = build(name);
    std::size_t parameters = 0;
    for (NodeId id = 0; id < network.graph.size(); ++id) {
      const Node& node = network.graph.node(id);
      if (!node.is_variable() || node.name == "data") continue;
      EXPECT_TRUE(network.places.contains(node.name)) << node.name;
      ++parameters;
    }
    EXPECT_EQ(network.places.size(), parameters) << name;
  }
}

}  // namespace
}  // namespace tenon::zoo
