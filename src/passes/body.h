#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <tenon/model.h>

#include "graph/graph.h"
#include "passes/expression.h"

namespace tenon {

/// Attributes as they are written.
using Written = std::map<std::string, std::string>;

/// Names of the original nodes that a node computes, by its own name, in their order; a node that is not listed
/// computes itself.
using Origins = std::map<std::string, std::vector<std::string>>;

/// A subgraph on its way through the passes: a graph of which every type is known and every node has a name of its own,
/// the values of its constant variables, and for each node that passes changed or made what it computes.
struct Body {
  /// Keeps the parameters that variables of the graph name. Throws Error(internal) where a type is unknown.
  Body(Graph subgraph, const Parameters& known);

  Graph graph;
  Parameters parameters;
  Origins origins;

  // What passes ask.

  /// The value of a constant, null for every other value.
  const Tensor* constant(Value value) const;
  /// The elements of a constant in another type.
  Tensor constant_as(Value value, DType dtype) const;
  const Shape& shape(Value value) const { return graph.type(value).shape; }
  DType dtype(Value value) const { return *graph.type(value).dtype; }
  /// The names in `origins`, or the node's own.
  std::vector<std::string> origins_of(NodeId id) const;

  // What passes do.

  /// A new constant. The name is followed by a number where it is taken.
  Value add_constant(const std::string& name, Tensor value);
  /// A new node of a primitive or of an operator of MXNet, by its name; its types follow from the inputs'.
  NodeId add(std::string_view op, const std::string& name, std::vector<Value> inputs, Written written = {});
  /// The node becomes another one with the same outputs, as many as the new one has. Throws Error(internal) where their
  /// types differ.
  void become(NodeId id, std::string_view op, std::vector<Value> inputs, Written written = {});
  /// Writes a primitive's expressions anew, with these operands behind its data and weight. Outputs that are new get
  /// their types.
  void set_epilogue(NodeId id, const Expressions& expressions, const std::vector<Value>& operands);
  /// The node now computes what `other` did as well.
  void take_origins(NodeId id, NodeId other);
  /// Drops nodes and constants that the outputs do not need.
  void drop_unused();

 private:
  std::string unused_name(const std::string& name);

  std::set<std::string> names_;
};

/// Checks what every pass must keep: verify(), unique names, types that follow from each other, constants of their
/// variables' shapes. Throws Error(internal).
void verify(const Body& body);

}  // namespace tenon
