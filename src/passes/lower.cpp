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
WhyNot why_not_float(const Body& body, NodeId id) {
  const auto fits = [](const TensorType& type) {
    return type.dtype == DType::float32 || type.dtype == DType::float16 || type.dtype == DType::bfloat16;
  };
  const auto small = [](const TensorType& type) { return type.dtype == DType::uint8 || type.dtype == DType::int8; };
  const Node& node = body.graph.node(id);
  const auto refuse = [&](Value value) {
    return fmt::format("{} computes in float32, and '{}' is {}", node.op_name(), body.graph.value_name(value),
                       name(body.dtype(value)));
  };
  if (!fits(node.outputs[0])) return refuse({id, 0});
  if (node.outputs[0].shape.rank() == 0) return fmt::format("{} gives a single number without axes", node.op_name());
  for (const Value input : node.inputs) {
    const TensorType& type = body.graph.type(input);
    if (!fits(type) && !(node.inputs.size() == 1 && small(type))) return refuse(input);
  }
  return {};
}

}  // namespace

WhyNot become_pointwise(Body& body, NodeId id, Value x, const Expression& expression,
                        const std::vector<Value>& operands, int axis) {
  std::vector<Value> inputs{x};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  Written written;
  if (expression != source()) written["epilogue"] = to_text(Expressions{expression});
  if (axis != 1) written["axis"] = std::to_string(axis);
  const DType dtype = *body.graph.node(id).outputs[0].dtype;
  if (dtype != body.dtype(x)) written["dtype"] = name(dtype);
  body.become(id, "pointwise", std::move(inputs), std::move(written));
  return {};
}

std::optional<WhyNot> lower_node(Body& body, NodeId id) {
  static const auto rules = all_rules();
  const auto rule = rules.find(body.graph.node(id).op_name());
  if (rule == rules.end()) return {};
  WhyNot why_not = why_not_float(body, id);
  return why_not.empty() ? rule->second(body, id) : why_not;
}

void lower(Body& body) {
  for (const NodeId id : body.graph.topological_order()) {
    if (!body.graph.node(id).is_variable()) lower_node(body, id);
  }
  body.drop_unused();
}

std::optional<WhyNot> why_not_lowered(const Graph& graph, const Node& node, const Parameters& parameters) {
  Graph alone;
  alone.np_shape = graph.np_shape;
  Node copy = node;
  std::map<Value, Value> variables;
  for (Value& input : copy.inputs) {
    auto [known, fresh] = variables.try_emplace(input);
    if (fresh) {
      std::string name = graph.value_name(input);
      // Only what a variable holds goes by the name of a parameter.
      while (!graph.node(input.node).is_variable() && parameters.contains(name)) name += '_';
      known->second = {alone.add_variable(name), 0};
      alone.type(known->second) = graph.type(input);
    }
    input = known->second;
  }
  const NodeId id = alone.adopt(std::move(copy));
  for (int i = 0; i < node.visible_outputs(); ++i) alone.outputs.push_back({id, i});
  Body body(std::move(alone), parameters);
  if (is_identity(body, body.graph.node(id))) return WhyNot();
  return lower_node(body, id);
}

}  // namespace tenon
