// Multiplies the scale that follows a convolution, a deconvolution or a matmul into its weight.
//
//     convolution(data, w, scale, shift) {epilogue=relu(fma(x, $0, $1))}
//       →   convolution(data, w·scale, shift) {epilogue=relu(add(x, $0))}
//
// Exact but for the rounding of the products. A weight that others read as well is left alone: a second copy of it
// costs more than the multiplication in the epilogue.
//
// Before it: merge_affine, which brings every scale into one place.

#include "passes/numbers.h"
#include "passes/passes.h"
#include "passes/primitives.h"
#include "passes/weights.h"

namespace tenon {
namespace {

using Kind = Expression::Kind;

bool scales_source(const Expression& expression) {
  if (expression.kind != Kind::call || expression.arguments[0] != source()) return false;
  const auto name = expression_functions()[static_cast<std::size_t>(expression.index)].name;
  return name == "mul" || name == "fma";
}

/// The first call that scales the source, or null.
Expression* find_scale(Expression& expression) {
  if (scales_source(expression)) return &expression;
  for (Expression& argument : expression.arguments) {
    if (Expression* found = find_scale(argument)) return found;
  }
  return nullptr;
}

void fold_scale(Body& body, NodeId id) {
  Epilogue epilogue = epilogue_of(body, id);
  int uses = 0;
  Expression* scaled = nullptr;
  for (Expression& expression : epilogue.expressions) {
    uses += occurrences(expression, source());
    if (scaled == nullptr) scaled = find_scale(expression);
  }
  if (uses != 1 || scaled == nullptr) return;
  const auto scale = numbers_of(body, epilogue, body.shape({id, 0}), scaled->arguments[1]);
  if (!scale) return;

  const Value weight = scale_destination_channels(body, id, scale->values);
  body.graph.node(id).inputs[1] = weight;
  const bool shifted = scaled->arguments.size() == 3;
  const Expression shift = shifted ? scaled->arguments[2] : source();
  *scaled = shifted ? call("add", {source(), shift}) : source();
  set_epilogue(body, id, std::move(epilogue));
}

}  // namespace

void fold_scales(Body& body) {
  const ReadCounts reads(body.graph);
  for (const NodeId id : body.graph.topological_order()) {
    const Node& node = body.graph.node(id);
    if (!is_primitive(node) || first_operand(node) != 2) continue;
    if (body.constant(node.inputs[1]) != nullptr && reads.of(node.inputs[1]) == 1) fold_scale(body, id);
  }
  body.drop_unused();
}

}  // namespace tenon
