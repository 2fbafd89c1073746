// A border of zeros that is added to the data of a convolution becomes its padding.
//
//     p = Pad(x) {mode=constant, pad_width=(0, 0, 0, 0, 1, 1, 2, 2)}
//     y = convolution(p, w) {pad_begin=(1, 1)}          →          y = convolution(x, w) {pad_begin=(2, 3), …}
//
// Before it: lower.

#include "passes/passes.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

bool pads_with_zeros(const Node& node) {
  return node.op_name() == "Pad" && node.attributes.text("mode") == "constant" &&
         node.attributes.real("constant_value") == 0;
}

void add_widths(Written& written, const Attributes& attributes, const char* name, const IntTuple& widths,
                std::size_t side) {
  IntTuple pads = attributes.tuple(name);
  pads.resize(widths.size() / 2 - 2, 0);
  for (std::size_t axis = 0; axis < pads.size(); ++axis) *pads[axis] += *widths[2 * (axis + 2) + side];
  written[name] = format_attribute(pads);
}

}  // namespace

void fold_padding(Body& body) {
  for (const NodeId id : body.graph.topological_order()) {
    const Node& node = body.graph.node(id);
    if (node.op_name() != "convolution" || !pads_with_zeros(body.graph.node(node.inputs[0].node))) continue;
    const NodeId pad = node.inputs[0].node;
    const IntTuple widths = body.graph.node(pad).attributes.tuple("pad_width");
    std::vector<Value> inputs = node.inputs;
    inputs[0] = body.graph.node(pad).inputs[0];
    Written written = node.written;
    add_widths(written, node.attributes, "pad_begin", widths, 0);
    add_widths(written, node.attributes, "pad_end", widths, 1);
    body.become(id, "convolution", std::move(inputs), std::move(written));
    body.take_origins(id, pad);
  }
  body.drop_unused();
}

}  // namespace tenon
