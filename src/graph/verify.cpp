#include <set>

#include "core/error.h"
#include "graph/graph.h"

namespace tenon {
namespace {

void verify_value(const Graph& graph, Value value, const std::string& reader) {
  if (value.node < 0 || value.node >= graph.size()) {
    fail(ErrorCode::internal, "{} reads node {}, but there are {} nodes", reader, value.node, graph.size());
  }
  const auto outputs = static_cast<int>(graph.node(value.node).outputs.size());
  if (value.output < 0 || value.output >= outputs) {
    fail(ErrorCode::internal, "{} reads output {} of '{}', which has {}", reader, value.output,
         graph.node(value.node).name, outputs);
  }
}

void verify_node(const Graph& graph, const Node& node) {
  const std::string reader = "node '" + node.name + "'";
  for (const Value input : node.inputs) verify_value(graph, input, reader);
  if (node.is_variable()) {
    if (!node.inputs.empty() || node.outputs.size() != 1) {
      fail(ErrorCode::internal, "variable '{}' has {} inputs and {} outputs", node.name, node.inputs.size(),
           node.outputs.size());
    }
    return;
  }
  if (node.attributes != parse_attributes(node.op->attributes, node.written)) {
    fail(ErrorCode::internal, "{} ({}) has attributes that differ from what is written", reader, node.op->name);
  }
  const auto inputs = node.op->inputs(node.attributes).size();
  const auto outputs = node.op->outputs(node.attributes).size();
  if (inputs != node.inputs.size() || outputs != node.outputs.size()) {
    fail(ErrorCode::internal, "{} ({}) has {} inputs and {} outputs, but its operator has {} and {}", reader,
         node.op->name, node.inputs.size(), node.outputs.size(), inputs, outputs);
  }
}

}  // namespace

void verify(const Graph& graph) {
  if (graph.outputs.empty()) fail(ErrorCode::internal, "the graph has no outputs");
  for (const Value output : graph.outputs) verify_value(graph, output, "the graph's output list");
  std::set<std::string_view> variables;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    verify_node(graph, node);
    if (node.is_variable() && !variables.insert(node.name).second) {
      fail(ErrorCode::internal, "two variables are called '{}'", node.name);
    }
  }
  graph.topological_order();
}

}  // namespace tenon
