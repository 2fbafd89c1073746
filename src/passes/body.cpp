#include "passes/body.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "core/error.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

void infer_outputs(Graph& graph, Node& node) {
  TypeInference types(graph, node);
  node.op->infer_type(types);
  ShapeInference shapes(graph, node);
  node.op->infer_shape(shapes);
}

const Op& find_op(std::string_view name) {
  const Op* op = body_ops().find(name);
  if (op == nullptr) fail(ErrorCode::internal, "there is no operator '{}'", name);
  return *op;
}

}  // namespace

Body::Body(Graph subgraph, const Parameters& known) : graph(std::move(subgraph)) {
  require_complete(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (!node.is_variable()) continue;
    names_.insert(node.name);
    if (const auto found = known.find(node.name); found != known.end()) parameters.insert(*found);
  }
  // MXNet allows two nodes of one name.
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node& node = graph.node(id);
    if (node.is_variable()) continue;
    const std::string original = node.name;
    node.name = unused_name(original.empty() ? std::string(node.op_name()) : original);
    if (node.name != original) origins[node.name] = {original};
  }
}

std::string Body::unused_name(const std::string& name) {
  std::string result = name;
  for (int i = 2; !names_.insert(result).second; ++i) result = name + "." + std::to_string(i);
  return result;
}

const Tensor* Body::constant(Value value) const {
  if (!graph.node(value.node).is_variable()) return nullptr;
  const auto found = parameters.find(graph.node(value.node).name);
  return found == parameters.end() ? nullptr : &found->second;
}

Tensor Body::constant_as(Value value, DType wanted) const {
  const Tensor& tensor = parameters.at(graph.node(value.node).name);
  // A file may hold an array at any address; what the variable's type rounds is rounded here too.
  const bool aligned = reinterpret_cast<std::uintptr_t>(tensor.data()) % size_of(tensor.dtype()) == 0;
  return (aligned ? tensor : tensor.clone()).astype(dtype(value)).astype(wanted);
}

std::vector<std::string> Body::origins_of(NodeId id) const {
  const std::string& name = graph.node(id).name;
  const auto found = origins.find(name);
  return found == origins.end() ? std::vector<std::string>{name} : found->second;
}

Value Body::add_constant(const std::string& name, Tensor value) {
  const NodeId id = graph.add_variable(unused_name(name));
  graph.type({id, 0}) = {value.shape(), value.dtype()};
  parameters[graph.node(id).name] = std::move(value);
  return {id, 0};
}

NodeId Body::add(std::string_view op, const std::string& name, std::vector<Value> inputs, Written written) {
  const NodeId id = graph.add(find_op(op), unused_name(name), std::move(inputs), std::move(written));
  infer_outputs(graph, graph.node(id));
  return id;
}

void Body::become(NodeId id, std::string_view op, std::vector<Value> inputs, Written written) {
  const NodeId made = graph.add(find_op(op), graph.node(id).name, std::move(inputs), std::move(written));
  Node replacement = graph.node(made);  // the one in the graph is left behind without users
  infer_outputs(graph, replacement);
  Node& node = graph.node(id);
  for (std::size_t i = 0; i < replacement.outputs.size(); ++i) {
    if (replacement.outputs[i] == node.outputs.at(i)) continue;
    refuse_node(node, ErrorCode::internal,
                fmt::format("output {} is {}, but would be {} as {}", i, node.outputs[i].shape.str(),
                            replacement.outputs[i].shape.str(), op));
  }
  node = std::move(replacement);
}

void Body::set_epilogue(NodeId id, const Expressions& expressions, const std::vector<Value>& operands) {
  Node& node = graph.node(id);
  node.inputs.resize(static_cast<std::size_t>(first_operand(node)));
  node.inputs.insert(node.inputs.end(), operands.begin(), operands.end());
  node.written["epilogue"] = to_text(expressions);
  if (expressions == Expressions{source()}) node.written.erase("epilogue");  // the default
  node.attributes = parse_attributes(node.op->attributes, node.written);
  node.outputs.resize(expressions.size(), node.outputs[0]);
}

void Body::take_origins(NodeId id, NodeId other) {
  auto taken = origins_of(id);
  for (std::string& name : origins_of(other)) {
    if (std::find(taken.begin(), taken.end(), name) == taken.end()) taken.push_back(std::move(name));
  }
  origins[graph.node(id).name] = std::move(taken);
}

void Body::drop_unused() {
  graph.compact();
  names_.clear();
  for (NodeId id = 0; id < graph.size(); ++id) names_.insert(graph.node(id).name);
  std::erase_if(parameters, [&](const auto& item) { return !names_.contains(item.first); });
  std::erase_if(origins, [&](const auto& item) { return !names_.contains(item.first); });
}

void verify(const Body& body) {
  verify(body.graph);
  Graph graph = body.graph;
  std::set<std::string_view> names;
  for (const NodeId id : graph.topological_order()) {
    Node& node = graph.node(id);
    if (!names.insert(node.name).second) fail(ErrorCode::internal, "two nodes are called '{}'", node.name);
    if (node.is_variable()) {
      const Tensor* constant = body.constant({id, 0});
      if (constant != nullptr && constant->shape() != node.outputs[0].shape) {
        fail(ErrorCode::internal, "the constant '{}' has shape {}, its variable {}", node.name, constant->shape().str(),
             node.outputs[0].shape.str());
      }
    } else {
      infer_outputs(graph, node);  // refuses what contradicts
    }
  }
  require_complete(graph);
}

}  // namespace tenon
