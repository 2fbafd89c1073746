#include "formats/mxnet/symbol.h"

#include <set>

#include "core/error.h"
#include "formats/mxnet/document.h"

namespace tenon {
namespace {

/// What a graph may have in all; a file that claims more outputs than this is not one of a network.
constexpr std::size_t kMaxOutputs = 1 << 22;

Value renumbered(Value value, const std::vector<NodeId>& ids, const Graph& graph, const std::string& reader) {
  const Value result{ids[static_cast<std::size_t>(value.node)], value.output};
  const Node& node = graph.node(result.node);
  if (result.output >= static_cast<int>(node.outputs.size())) {
    fail(ErrorCode::corrupt, "{} reads output {} of node '{}' ({}), which has {}", reader, value.output, node.name,
         node.op_name(), node.outputs.size());
  }
  return result;
}

Graph build(SymbolDocument document) {
  Graph graph;
  graph.np_shape = document.np_shape;
  std::vector<NodeId> ids(document.nodes.size(), -1);
  std::set<std::string> variables;
  std::size_t outputs = 0;
  for (const NodeId id : document.order()) {
    SymbolNode& node = document.node(id);
    NodeId& built = ids[static_cast<std::size_t>(id)];
    if (node.is_variable()) {
      if (!variables.insert(node.name).second) {
        fail(ErrorCode::corrupt, "two variables of the symbol JSON are called '{}'", node.name);
      }
      built = graph.add_variable(std::move(node.name), std::move(node.attrs));
    } else {
      const std::string reader = fmt::format("node '{}' ({})", node.name, node.op_name);
      for (Value& input : node.inputs) input = renumbered(input, ids, graph, reader);
      built = graph.add(*node.op, std::move(node.name), std::move(node.inputs), std::move(node.attrs));
    }
    outputs += graph.node(built).outputs.size();
    if (outputs > kMaxOutputs) {
      fail(ErrorCode::corrupt, "the nodes of the symbol JSON have more than {} outputs in all", kMaxOutputs);
    }
  }
  for (const Value head : document.heads) {
    graph.outputs.push_back(renumbered(head, ids, graph, "a head of the symbol JSON"));
  }
  return graph;
}

}  // namespace

Graph load_symbol(std::string_view json, const OpRegistry& registry) {
  SymbolDocument document = parse_symbol_document(json, registry);
  upgrade(document);
  return build(std::move(document));
}

}  // namespace tenon
