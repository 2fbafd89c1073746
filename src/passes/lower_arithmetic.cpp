// The lowering rules of arithmetic between two or more tensors, or a tensor and a number.

#include <cmath>
#include <optional>

#include "core/dispatch.h"
#include "passes/lowering.h"

namespace tenon {
namespace {

// A tensor and a number.

/// The number as the data's type holds it.
float rounded(double number, DType dtype) {
  return dispatch_float(dtype, "a scalar", [&]<class T>() { return static_cast<float>(load(store<T>(number))); });
}

WhyNot lower_scalar(Body& body, NodeId id, std::string_view function, bool reversed) {
  const Node& node = body.graph.node(id);
  const float number = rounded(node.attributes.real("scalar"), *node.outputs[0].dtype);
  if (!std::isfinite(number)) return fmt::format("{} scalar={} is no finite number", node.op_name(), number);
  const Expression left = reversed ? constant(number) : source(), right = reversed ? source() : constant(number);
  return become_pointwise(body, id, node.inputs[0], call(function, {left, right}));
}

template <const char* function, bool reversed = false>
WhyNot lower_scalar(Body& body, NodeId id) {
  return lower_scalar(body, id, function, reversed);
}

WhyNot lower_power(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const double exponent = node.attributes.real("scalar");
  const Value x = node.inputs[0];
  if (exponent == 2) return become_pointwise(body, id, x, call("mul", {source(), source()}));
  if (exponent == 0.5) return become_pointwise(body, id, x, call("sqrt", {source()}));
  if (exponent == -0.5) return become_pointwise(body, id, x, call("rsqrt", {source()}));
  if (exponent == -1) return become_pointwise(body, id, x, call("div", {constant(1), source()}));
  return fmt::format("{} scalar={}, neither 2, 0.5, -0.5 nor -1", node.op_name(), exponent);
}

// Two tensors.

/// The one axis of `dst` along which an input that is stretched to it has elements of its own; none where there are
/// several, or where the input is a single number.
std::optional<int> only_axis(const Shape& src, const Shape& dst) {
  std::optional<int> found;
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (src[axis] == 1) continue;
    if (found) return {};
    found = dst.rank() - src.rank() + axis;
  }
  return found;
}

/// The same elements as a vector.
Value as_vector(Body& body, NodeId user, Value value) {
  const Shape& shape = body.shape(value);
  if (shape.rank() == 1) return value;
  const std::int64_t count = shape.elements();
  if (const Tensor* tensor = body.constant(value)) {
    return body.add_constant(body.graph.node(value.node).name, tensor->reshaped({count}));
  }
  const std::string name = body.graph.node(user).name + ".vector";
  return {body.add("Reshape", name, {value}, {{"shape", fmt::format("({},)", count)}}), 0};
}

/// function(whole, other) or, when reversed, function(other, whole), where `other` is stretched.
WhyNot lower_stretched(Body& body, NodeId id, std::string_view function, Value whole, Value other, bool reversed) {
  const auto make = [&](const Expression& number) {
    return reversed ? call(function, {number, source()}) : call(function, {source(), number});
  };
  const Shape &src = body.shape(other), &dst = body.graph.node(id).outputs[0].shape;
  const auto refuse = [&](const std::string& what) {
    return fmt::format("{}: '{}' {}", body.graph.node(id).op_name(), body.graph.value_name(other), what);
  };
  if (src.elements() == 1) {
    if (body.constant(other) == nullptr) return refuse("is one number that is computed");
    const float number = *body.constant_as(other, DType::float32).data<float>();
    if (!std::isfinite(number)) return refuse(fmt::format("is the number {}", number));
    return become_pointwise(body, id, whole, make(constant(number)));
  }
  const auto axis = only_axis(src, dst);
  if (!axis) return refuse(fmt::format("of shape {} is stretched to {} along several axes", src.str(), dst.str()));
  return become_pointwise(body, id, whole, make(operand(0)), {as_vector(body, id, other)}, *axis);
}

WhyNot lower_binary(Body& body, NodeId id, std::string_view function) {
  const Node& node = body.graph.node(id);
  const Value left = node.inputs[0], right = node.inputs[1];
  const Shape& dst = node.outputs[0].shape;
  const bool whole_left = body.shape(left) == dst, whole_right = body.shape(right) == dst;
  if (body.dtype(left) != body.dtype(right)) {
    return fmt::format("{} of {} and {}", node.op_name(), name(body.dtype(left)), name(body.dtype(right)));
  }
  if (left == right) return become_pointwise(body, id, left, call(function, {source(), source()}));
  if (whole_left && whole_right)
    return become_pointwise(body, id, left, call(function, {source(), operand(0)}), {right});
  if (whole_left) return lower_stretched(body, id, function, left, right, false);
  if (whole_right) return lower_stretched(body, id, function, right, left, true);
  return fmt::format("{} stretches both {} and {} to {}", node.op_name(), body.shape(left).str(),
                     body.shape(right).str(), dst.str());
}

template <const char* function>
WhyNot lower_binary(Body& body, NodeId id) {
  return lower_binary(body, id, function);
}

WhyNot lower_add_n(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const Value first = node.inputs[0];
  const std::vector<Value> rest(node.inputs.begin() + 1, node.inputs.end());
  if (rest.size() > 8) return fmt::format("add_n of {} tensors, more than 9", rest.size() + 1);
  Expression sum = source();
  for (int k = 0; k < static_cast<int>(rest.size()); ++k) sum = call("add", {sum, operand(k)});
  return become_pointwise(body, id, first, sum, rest);
}

constexpr char kAdd[] = "add", kSub[] = "sub", kMul[] = "mul", kDiv[] = "div", kMax[] = "max", kMin[] = "min";

}  // namespace

LoweringRules arithmetic_rules() {
  return {
      {"_plus_scalar", lower_scalar<kAdd>},
      {"_npi_add_scalar", lower_scalar<kAdd>},
      {"_minus_scalar", lower_scalar<kSub>},
      {"_npi_subtract_scalar", lower_scalar<kSub>},
      {"_rminus_scalar", lower_scalar<kSub, true>},
      {"_npi_rsubtract_scalar", lower_scalar<kSub, true>},
      {"_mul_scalar", lower_scalar<kMul>},
      {"_npi_multiply_scalar", lower_scalar<kMul>},
      {"_div_scalar", lower_scalar<kDiv>},
      {"_npi_true_divide_scalar", lower_scalar<kDiv>},
      {"_rdiv_scalar", lower_scalar<kDiv, true>},
      {"_npi_rtrue_divide_scalar", lower_scalar<kDiv, true>},
      {"_maximum_scalar", lower_scalar<kMax>},
      {"_minimum_scalar", lower_scalar<kMin>},
      {"_power_scalar", lower_power},
      {"_npi_power_scalar", lower_power},
      {"elemwise_add", lower_binary<kAdd>},
      {"broadcast_add", lower_binary<kAdd>},
      {"_npi_add", lower_binary<kAdd>},
      {"elemwise_sub", lower_binary<kSub>},
      {"broadcast_sub", lower_binary<kSub>},
      {"_npi_subtract", lower_binary<kSub>},
      {"elemwise_mul", lower_binary<kMul>},
      {"broadcast_mul", lower_binary<kMul>},
      {"_npi_multiply", lower_binary<kMul>},
      {"elemwise_div", lower_binary<kDiv>},
      {"broadcast_div", lower_binary<kDiv>},
      {"_npi_true_divide", lower_binary<kDiv>},
      {"_maximum", lower_binary<kMax>},
      {"broadcast_maximum", lower_binary<kMax>},
      {"_minimum", lower_binary<kMin>},
      {"broadcast_minimum", lower_binary<kMin>},
      {"add_n", lower_add_n},
  };
}

}  // namespace tenon
