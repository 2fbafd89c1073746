#include "conformance/symbol.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "ops/registry.h"

namespace tenon::conformance {

Graph read_symbol(std::string_view text) {
  const auto json = nlohmann::json::parse(text);
  Graph graph;
  if (json.contains("attrs") && json["attrs"].contains("is_np_shape")) {
    graph.np_shape = json["attrs"]["is_np_shape"][1].get<int>() != 0;
  }
  const auto value = [&](const nlohmann::json& entry) {
    const Value result{entry[0].get<NodeId>(), entry[1].get<int>()};
    if (result.node < 0 || result.node >= graph.size()) {
      fail(ErrorCode::corrupt, "an entry refers to node {} of {}", result.node, graph.size());
    }
    return result;
  };
  json.at("arg_nodes");
  for (const auto& node : json.at("nodes")) {
    std::map<std::string, std::string> written;
    for (const char* key : {"attrs", "attr", "param"}) {
      if (node.contains(key)) written.merge(node[key].get<std::map<std::string, std::string>>());
    }
    const auto op_name = node.at("op").get<std::string>();
    const auto name = node.at("name").get<std::string>();
    if (op_name == "null") {
      graph.add_variable(name, std::move(written));
      continue;
    }
    const Op* op = ops().find(op_name);
    if (op == nullptr) fail(ErrorCode::unsupported, "node '{}': Tenon has no operator '{}'", name, op_name);
    std::vector<Value> inputs;
    for (const auto& entry : node.at("inputs")) inputs.push_back(value(entry));
    graph.add(*op, name, std::move(inputs), std::move(written));
  }
  for (const auto& head : json.at("heads")) graph.outputs.push_back(value(head));
  return graph;
}

}  // namespace tenon::conformance
