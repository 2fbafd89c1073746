#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graph/op.h"

namespace tenon {

using NodeId = std::int32_t;

/// One output of one node.
struct Value {
  NodeId node = 0;
  int output = 0;
  friend auto operator<=>(const Value&, const Value&) = default;
};

/// An operator applied to values, or a variable (op is null). `written` is what the file or the builder said, hidden
/// and user attributes included, so that a graph is saved as it came; `attributes` is what it means.
struct Node {
  std::string name;
  const Op* op = nullptr;
  std::map<std::string, std::string> written;
  Attributes attributes;
  std::vector<Value> inputs;
  std::vector<TensorType> outputs;    ///< one a (hidden or visible) output; unknown until inferred
  std::shared_ptr<const Graph> body;  ///< what an engine node stands for; null for every other node

  bool is_variable() const { return op == nullptr; }
  /// "null" for a variable.
  std::string_view op_name() const;
  int visible_outputs() const;
};

/// A graph of MXNet operators. Node ids are indices and stay valid until compact(); removing is unlinking and then
/// compact(). Not thread-safe while being changed.
class Graph {
 public:
  NodeId add_variable(std::string name, std::map<std::string, std::string> written = {});
  /// Throws Error, naming the node, when the attributes do not parse or the number of inputs is not the operator's.
  NodeId add(const Op& op, std::string name, std::vector<Value> inputs,
             std::map<std::string, std::string> written = {});

  /// Adds a node whose inputs are values of this graph; the rest of it is kept as it is.
  NodeId adopt(Node node);

  int size() const { return static_cast<int>(nodes_.size()); }
  Node& node(NodeId id) { return nodes_[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  const TensorType& type(Value value) const { return node(value.node).outputs[static_cast<std::size_t>(value.output)]; }
  TensorType& type(Value value) { return node(value.node).outputs[static_cast<std::size_t>(value.output)]; }

  /// The graph's outputs, in order.
  std::vector<Value> outputs;
  /// Numpy shape semantics (`is_np_shape` in the file).
  bool np_shape = false;

  /// The nodes the outputs need, each after its inputs: MXNet's order, depth first from the outputs, inputs left to
  /// right. Iterative: a chain of any length will do. Throws Error on a cycle.
  std::vector<NodeId> topological_order() const;

  /// Names of variables in topological order: arguments, auxiliary states (used by some operator as such), both.
  std::vector<std::string> arguments() const;
  std::vector<std::string> auxiliary_states() const;
  /// True for each node id that is a variable in an auxiliary position.
  std::vector<bool> auxiliary_mask() const;
  /// "fc1_output", "split0_output1"; a variable goes by its own name.
  std::string value_name(Value value) const;
  std::vector<std::string> output_names() const;
  /// Id of the variable of this name, or -1.
  NodeId find_variable(std::string_view name) const;

  /// For every node id, the inputs that read one of its outputs.
  struct Use {
    NodeId user;
    int input;
  };
  std::vector<std::vector<Use>> uses() const;

  // Rewrite verbs.

  /// Every input and graph output that was `before` becomes `after`:   before → users      after → users
  void replace_uses(Value before, Value after);
  /// Drops what the outputs do not need and renumbers in topological order.
  void compact();

 private:
  std::vector<Node> nodes_;
};

/// The text form: one node a line, deterministic, read back by parse_graph.
///
///     %data = variable : float32 (1,3,8,8)
///     %conv0 = Convolution(%data, %w) {kernel=(3, 3), num_filter=4} : float32 (1,4,6,6)
///     return %conv0, %split0#1
std::string to_text(const Graph& graph);
/// Throws Error(invalid_argument) with the line.
Graph parse_graph(std::string_view text, const OpRegistry& registry);

/// Checks what every rewrite must keep: input ids and output indices exist, counts fit the operator, attributes are the
/// parsed form of what is written, names of variables are unique, no cycle. Throws Error(internal).
void verify(const Graph& graph);

}  // namespace tenon
