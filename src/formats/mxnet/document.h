#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace tenon {

/// One node of a symbol file, its attributes still text.
struct SymbolNode {
  std::string name;
  std::string op_name;  ///< "null" for a variable
  const Op* op = nullptr;
  std::map<std::string, std::string> attrs;
  std::vector<Value> inputs;

  bool is_variable() const { return op == nullptr; }
};

/// A symbol file as it is written, checked only for what its own numbers claim: every input and head exists.
struct SymbolDocument {
  std::vector<SymbolNode> nodes;
  std::vector<Value> heads;
  int version = 800;  ///< of the MXNet that wrote it; files before 0.9 do not say
  bool np_shape = false;

  SymbolNode& node(NodeId id) { return nodes[static_cast<std::size_t>(id)]; }
  const SymbolNode& node(NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }
  /// The nodes that the heads need, inputs first, depth first from the heads. Throws Error on a cycle.
  std::vector<NodeId> order() const;
};

/// Reads the JSON and finds the operators. Throws Error(corrupt) for text that is no symbol file, Error(unsupported)
/// listing every operator the registry lacks.
SymbolDocument parse_symbol_document(std::string_view json, const OpRegistry& registry);

/// The names of the inputs that the node's operator takes by the node's attributes. Errors name the node.
std::vector<std::string> input_names(const SymbolNode& node);

/// Throws Error with "node 'conv0' (Convolution): " before the sentence.
[[noreturn]] void refuse_symbol_node(const SymbolNode& node, ErrorCode code, const std::string& sentence);

/// Brings a document of an older MXNet to the form that 1.9 would have written.
void upgrade(SymbolDocument& document);

}  // namespace tenon
