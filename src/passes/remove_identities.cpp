// Drops what passes its data through at inference.
//
//     conv → Dropout → BlockGrad → fc        →        conv → fc
//
// Before it: nothing. Where a graph output would become a variable, the node stays: an output is written, not lent.

#include <algorithm>
#include <array>

#include "passes/passes.h"

namespace tenon {
namespace {

constexpr std::array<std::string_view, 10> kIdentities = {"_copy",
                                                          "_np_copy",
                                                          "BlockGrad",
                                                          "make_loss",
                                                          "MakeLoss",
                                                          "Dropout",
                                                          "_CrossDeviceCopy",
                                                          "_contrib_gradientmultiplier",
                                                          "LinearRegressionOutput",
                                                          "MAERegressionOutput"};

}  // namespace

bool is_identity(const Body& body, const Node& node) {
  if (std::ranges::find(kIdentities, node.op_name()) == kIdentities.end()) {
    // Shape operators and casts that change nothing.
    const bool same = node.op_name() == "Cast" || node.op_name() == "amp_cast" || node.op_name() == "Reshape" ||
                      node.op_name() == "Flatten" || node.op_name() == "Concat";
    return same && node.inputs.size() == 1 && body.graph.type(node.inputs[0]) == node.outputs[0];
  }
  return node.op_name() != "Dropout" || node.attributes.text("mode") != "always" || node.attributes.real("p") == 0;
}

void remove_identities(Body& body) {
  const auto is_output = [&](Value value) {
    return std::ranges::find(body.graph.outputs, value) != body.graph.outputs.end();
  };
  const auto uses = body.graph.uses();
  for (const NodeId id : body.graph.topological_order()) {
    const Node& node = body.graph.node(id);
    if (node.is_variable() || !is_identity(body, node)) continue;
    const auto reads_mask = [&](Graph::Use use) {
      return body.graph.node(use.user).inputs[static_cast<std::size_t>(use.input)].output != 0;
    };
    if (std::ranges::any_of(uses[static_cast<std::size_t>(id)], reads_mask) || is_output({id, 1})) continue;
    const Value passed = node.inputs[0];
    if (body.graph.node(passed.node).is_variable()) {
      if (is_output({id, 0})) continue;
    } else {
      body.take_origins(passed.node, id);
    }
    body.graph.replace_uses({id, 0}, passed);
  }
  body.drop_unused();
}

}  // namespace tenon
