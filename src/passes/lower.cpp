// Rewrites MXNet's operators as primitives, one for one; what no rule takes stays.
//
//     conv = Convolution(data, w, b) {num_filter=8, pad=(1, 1)}
//     bn = BatchNorm(conv, gamma, …)
//     relu = Activation(bn) {act_type=relu}
//
// becomes
//
//     conv = convolution(data, w, b) {epilogue=add(x, $0)}
//     bn = pointwise(conv, scale, shift) {epilogue=fma(x, $0, $1)}
//     relu = pointwise(bn) {epilogue=relu(x)}
//
// Before it: the passes over MXNet's operators. After it, fuse_pointwise joins what stands alone here.

#include <map>

#include "core/error.h"
#include "passes/lowering.h"
#include "passes/passes.h"

namespace tenon {
namespace {

std::map<std::string_view, LoweringRule> all_rules() {
  std::map<std::string_view, LoweringRule> rules;
  for (const auto family : {window_rules, pointwise_rules, arithmetic_rules}) {
    for (const auto& [op, rule] : family()) {
      if (!rules.emplace(op, rule).second) fail(ErrorCode::internal, "two rules lower {}", op);
    }
  }
  return rules;
}

/// Expressions are computed in float.
bool fits_float(const Body& body, NodeId id) {
  const auto fits = [](const TensorType& type) {
    return type.dtype == DType::float32 || type.dtype == DType::float16 || type.dtype == DType::bfloat16;
  };
  const auto small = [](const TensorType& type) { return type.dtype == DType::uint8 || type.dtype == DType::int8; };
  const Node& node = body.graph.node(id);
  if (!fits(node.outputs[0]) || node.outputs[0].shape.rank() == 0) return false;
  for (const Value input : node.inputs) {
    const TensorType& type = body.graph.type(input);
    if (!fits(type) && !(node.inputs.size() == 1 && small(type))) return false;
  }
  return true;
}

}  // namespace

bool become_pointwise(Body& body, NodeId id, Value x, const Expression& expression, const std::vector<Value>& operands,
                      int axis) {
  std::vector<Value> inputs{x};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  Written written;
  if (expression != source()) written["epilogue"] = to_text(Expressions{expression});
  if (axis != 1) written["axis"] = std::to_string(axis);
  const DType dtype = *body.graph.node(id).outputs[0].dtype;
  if (dtype != body.dtype(x)) written["dtype"] = name(dtype);
  body.become(id, "pointwise", std::move(inputs), std::move(written));
  return true;
}

void lower(Body& body) {
  static const auto rules = all_rules();
  for (const NodeId id : body.graph.topological_order()) {
    const Node& node = body.graph.node(id);
    const auto rule = rules.find(node.op_name());
    if (!node.is_variable() && rule != rules.end() && fits_float(body, id)) rule->second(body, id);
  }
  body.drop_unused();
}

}  // namespace tenon
