#include "graph/graph.h"

#include <fmt/ranges.h>

#include "core/error.h"

namespace tenon {

std::string_view Node::op_name() const {
  return op == nullptr ? std::string_view("null") : op->name;
}

int Node::visible_outputs() const {
  return op == nullptr ? 1 : op->visible(attributes);
}

NodeId Graph::add_variable(std::string name, std::map<std::string, std::string> written) {
  Node node;
  node.name = std::move(name);
  node.written = std::move(written);
  node.outputs.resize(1);
  nodes_.push_back(std::move(node));
  return size() - 1;
}

NodeId Graph::add(const Op& op, std::string name, std::vector<Value> inputs,
                  std::map<std::string, std::string> written) {
  Node node;
  node.name = std::move(name);
  node.op = &op;
  node.inputs = std::move(inputs);
  node.written = std::move(written);
  try {
    node.attributes = parse_attributes(op.attributes, node.written);
    const auto expected = op.inputs(node.attributes);
    if (expected.size() != node.inputs.size()) {
      fail(ErrorCode::invalid_argument, "{} inputs are expected ({}), but {} are given", expected.size(),
           fmt::join(expected, ", "), node.inputs.size());
    }
    node.outputs.resize(op.outputs(node.attributes).size());
  } catch (const Error& error) {
    refuse_node(node, error.code(), error.what());
  }
  for (const Value input : node.inputs) {
    if (input.node < 0 || input.node >= size() || input.output < 0 ||
        input.output >= static_cast<int>(this->node(input.node).outputs.size())) {
      refuse_node(node, ErrorCode::invalid_argument,
                  fmt::format("input {}#{} does not exist", input.node, input.output));
    }
  }
  nodes_.push_back(std::move(node));
  return size() - 1;
}

NodeId Graph::adopt(Node node) {
  nodes_.push_back(std::move(node));
  return size() - 1;
}

std::vector<NodeId> Graph::topological_order() const {
  enum : char { unseen, open, done };
  std::vector<char> state(nodes_.size(), unseen);
  std::vector<NodeId> order;
  struct Frame {
    NodeId node;
    std::size_t next_input;
  };
  std::vector<Frame> stack;
  for (const Value output : outputs) {
    if (state[static_cast<std::size_t>(output.node)] == unseen) stack.push_back({output.node, 0});
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const Node& current = node(frame.node);
      char& mark = state[static_cast<std::size_t>(frame.node)];
      mark = open;
      if (frame.next_input == current.inputs.size()) {
        mark = done;
        order.push_back(frame.node);
        stack.pop_back();
        continue;
      }
      const NodeId input = current.inputs[frame.next_input++].node;
      const char seen = state[static_cast<std::size_t>(input)];
      if (seen == open) {
        fail(ErrorCode::invalid_argument, "the graph has a cycle through node '{}'", node(input).name);
      }
      if (seen == unseen) stack.push_back({input, 0});
    }
  }
  return order;
}

std::vector<bool> Graph::auxiliary_mask() const {
  std::vector<bool> mask(nodes_.size(), false);
  for (const NodeId id : topological_order()) {
    const Node& user = node(id);
    if (user.is_variable()) continue;
    for (const int position : user.op->auxiliary) {
      if (position >= static_cast<int>(user.inputs.size())) continue;
      const NodeId input = user.inputs[static_cast<std::size_t>(position)].node;
      if (node(input).is_variable()) mask[static_cast<std::size_t>(input)] = true;
    }
  }
  return mask;
}

namespace {

std::vector<std::string> variables_where(const Graph& graph, bool auxiliary) {
  const auto mask = graph.auxiliary_mask();
  std::vector<std::string> names;
  for (const NodeId id : graph.topological_order()) {
    if (graph.node(id).is_variable() && mask[static_cast<std::size_t>(id)] == auxiliary) {
      names.push_back(graph.node(id).name);
    }
  }
  return names;
}

}  // namespace

std::vector<std::string> Graph::arguments() const {
  return variables_where(*this, false);
}
std::vector<std::string> Graph::auxiliary_states() const {
  return variables_where(*this, true);
}

std::string Graph::value_name(Value value) const {
  const Node& producer = node(value.node);
  if (producer.is_variable()) return producer.name;
  const auto names = producer.op->outputs(producer.attributes);
  const std::string& output = names[static_cast<std::size_t>(value.output)];
  return producer.name.empty() ? output : producer.name + "_" + output;
}

std::vector<std::string> Graph::output_names() const {
  std::vector<std::string> names;
  for (const Value output : outputs) names.push_back(value_name(output));
  return names;
}

NodeId Graph::find_variable(std::string_view name) const {
  for (NodeId id = 0; id < size(); ++id) {
    if (node(id).is_variable() && node(id).name == name) return id;
  }
  return -1;
}

std::vector<std::vector<Graph::Use>> Graph::uses() const {
  std::vector<std::vector<Use>> uses(nodes_.size());
  for (const NodeId id : topological_order()) {
    const auto& inputs = node(id).inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      uses[static_cast<std::size_t>(inputs[i].node)].push_back({id, static_cast<int>(i)});
    }
  }
  return uses;
}

void Graph::replace_uses(Value before, Value after) {
  for (Node& user : nodes_) {
    for (Value& input : user.inputs) {
      if (input == before) input = after;
    }
  }
  for (Value& output : outputs) {
    if (output == before) output = after;
  }
}

void Graph::compact() {
  const auto order = topological_order();
  std::vector<NodeId> renumbered(nodes_.size(), -1);
  std::vector<Node> kept;
  kept.reserve(order.size());
  for (const NodeId id : order) {
    renumbered[static_cast<std::size_t>(id)] = static_cast<NodeId>(kept.size());
    kept.push_back(std::move(node(id)));
    for (Value& input : kept.back().inputs) input.node = renumbered[static_cast<std::size_t>(input.node)];
  }
  nodes_ = std::move(kept);
  for (Value& output : outputs) output.node = renumbered[static_cast<std::size_t>(output.node)];
}

}  // namespace tenon
