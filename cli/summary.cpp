#include "summary.h"

#include <algorithm>
#include <set>

namespace tenon::cli {
namespace {

bool known(const Graph& graph, const Node& node) {
  const auto is_known = [&](const Value& value) { return graph.type(value).shape.is_known(); };
  return std::all_of(node.inputs.begin(), node.inputs.end(), is_known) &&
         (node.outputs.empty() || node.outputs.front().shape.is_known());
}

/// Multiply-adds of the operators whose cost is a matrix product; the rest counts nothing, as is usual.
std::int64_t count_macs(const Graph& graph, const Node& node) {
  const auto shape = [&](int i) { return graph.type(node.inputs[static_cast<std::size_t>(i)]).shape; };
  const Shape& output = node.outputs.front().shape;
  const std::string_view op = node.op_name();
  if (op == "Convolution" || op == "FullyConnected") {
    // each output element takes one row of the weight
    const Shape weight = shape(1);
    return output.elements() * weight.elements(1, weight.rank());
  }
  if (op == "Deconvolution") {
    const Shape weight = shape(1);
    return shape(0).elements() * weight.elements(1, weight.rank());
  }
  if (op == "dot" || op == "batch_dot" || op == "_linalg_gemm2" || op == "_linalg_gemm") {
    const Shape a = shape(0);
    const bool transposed = node.attributes.flag("transpose_a");
    if (a.rank() < 1) return 0;
    const int axis = op == "dot" ? (transposed ? 0 : a.rank() - 1) : (transposed ? a.rank() - 2 : a.rank() - 1);
    return output.elements() * a[axis];
  }
  if (op == "RNN") return shape(0)[0] * shape(0)[1] * shape(1).elements();  // biases included
  return 0;
}

}  // namespace

Summary summarise(const Graph& graph, const std::vector<std::string>& inputs) {
  const std::set<std::string> fed(inputs.begin(), inputs.end());
  const std::vector<bool> auxiliary = graph.auxiliary_mask();
  std::set<NodeId> counted;
  Summary summary;
  for (const NodeId id : graph.topological_order()) {
    const Node& node = graph.node(id);
    if (node.is_variable()) continue;
    Layer layer{.name = node.name, .op = std::string(node.op_name()), .output = node.outputs.front()};
    std::int64_t parameters = 0;
    for (const Value input : node.inputs) {
      const Node& source = graph.node(input.node);
      if (!source.is_variable() || fed.contains(source.name)) {
        layer.previous.push_back(source.name);
      } else if (graph.type(input).shape.is_known() && counted.insert(input.node).second) {
        const std::int64_t elements = graph.type(input).shape.elements();
        parameters += elements;
        (auxiliary[static_cast<std::size_t>(input.node)] ? summary.auxiliary : summary.arguments) += elements;
      }
    }
    if (known(graph, node)) {
      layer.parameters = parameters;
      layer.macs = count_macs(graph, node);
      summary.macs += *layer.macs;
    } else {
      summary.complete = false;
    }
    summary.layers.push_back(std::move(layer));
  }
  return summary;
}

}  // namespace tenon::cli
