// Computes once what is computed twice: the same operator with the same attributes on the same values.
//
//     a = relu(x), b = relu(x), a + b        →        a = relu(x), a + a
//
// Before it: fold_constants. Every operator of Tenon gives the same result for the same inputs.

#include <map>

#include "passes/passes.h"

namespace tenon {

void merge_duplicates(Body& body) {
  std::map<std::pair<std::string, std::vector<Value>>, NodeId> known;
  for (const NodeId id : body.graph.topological_order()) {
    const Node& node = body.graph.node(id);
    if (node.is_variable() || node.body) continue;
    std::string meaning = node.op->name;
    for (const auto& [name, value] : node.attributes.all()) meaning += "\n" + name + "=" + format_attribute(value);
    const auto [first, is_new] = known.try_emplace({meaning, node.inputs}, id);
    if (is_new) continue;
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) {
      body.graph.replace_uses({id, i}, {first->second, i});
    }
    body.take_origins(first->second, id);
  }
  body.drop_unused();
}

}  // namespace tenon
