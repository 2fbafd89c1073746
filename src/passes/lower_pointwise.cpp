// The lowering rules of functions of one tensor: activations, clips, casts, batch normalization.

#include <array>
#include <cmath>
#include <numbers>

#include "passes/lowering.h"

namespace tenon {
namespace {

Expression of_source(std::string_view function) {
  return call(function, {source()});
}
Expression with_number(std::string_view function, double number) {
  return call(function, {source(), constant(static_cast<float>(number))});
}

/// function(x) for whichever function the template names.
template <const char* function>
WhyNot lower_unary(Body& body, NodeId id) {
  return become_pointwise(body, id, body.graph.node(id).inputs[0], of_source(function));
}

constexpr char kRelu[] = "relu", kSigmoid[] = "sigmoid", kTanh[] = "tanh", kSoftsign[] = "softsign", kExp[] = "exp",
               kLog[] = "log", kSqrt[] = "sqrt", kRsqrt[] = "rsqrt", kAbs[] = "abs", kErf[] = "erf";

WhyNot lower_square(Body& body, NodeId id) {
  return become_pointwise(body, id, body.graph.node(id).inputs[0], call("mul", {source(), source()}));
}

WhyNot lower_negative(Body& body, NodeId id) {
  return become_pointwise(body, id, body.graph.node(id).inputs[0], with_number("mul", -1));
}

WhyNot lower_reciprocal(Body& body, NodeId id) {
  return become_pointwise(body, id, body.graph.node(id).inputs[0], call("div", {constant(1), source()}));
}

WhyNot lower_activation(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  return become_pointwise(body, id, node.inputs[0], of_source(node.attributes.text("act_type")));
}

/// max(min(x, high), low), without a limit that is out of every number's reach.
Expression clipped(Expression x, double low, double high) {
  if (std::isfinite(static_cast<float>(low))) x = call("max", {x, constant(static_cast<float>(low))});
  if (std::isfinite(static_cast<float>(high))) x = call("min", {x, constant(static_cast<float>(high))});
  return x;
}

WhyNot lower_clip(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const double low = node.attributes.real("a_min"), high = node.attributes.real("a_max");
  if (!(low <= high)) return fmt::format("clip with a_min={} above a_max={}", low, high);
  return become_pointwise(body, id, node.inputs[0], clipped(source(), low, high));
}

WhyNot lower_hard_sigmoid(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const auto number = [&](const char* name) { return constant(static_cast<float>(node.attributes.real(name))); };
  return become_pointwise(body, id, node.inputs[0],
                          clipped(call("fma", {source(), number("alpha"), number("beta")}), 0, 1));
}

WhyNot lower_prelu(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const Value x = node.inputs[0], gamma = node.inputs[1];
  const std::int64_t slopes = body.shape(gamma).elements();
  const std::int64_t channels = body.shape(x)[body.shape(x).rank() > 1 ? 1 : 0];
  if (body.shape(gamma).rank() != 1) {
    return fmt::format("LeakyReLU act_type=prelu with a slope of shape {}", body.shape(gamma).str());
  }
  if (slopes == channels) return become_pointwise(body, id, x, call("leaky", {source(), operand(0)}), {gamma});
  if (slopes != 1) {
    return fmt::format("LeakyReLU act_type=prelu with a slope of {} values over {} channels", slopes, channels);
  }
  if (body.constant(gamma) == nullptr) return "LeakyReLU act_type=prelu with one slope, which is computed";
  const float slope = *body.constant_as(gamma, DType::float32).data<float>();
  return become_pointwise(body, id, x, with_number("leaky", slope));
}

bool is_read(const Body& body, Value value) {
  for (const NodeId id : body.graph.topological_order()) {
    for (const Value input : body.graph.node(id).inputs) {
      if (input == value) return true;
    }
  }
  for (const Value output : body.graph.outputs) {
    if (output == value) return true;
  }
  return false;
}

WhyNot lower_leaky_relu(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const Value x = node.inputs[0];
  const std::string& type = node.attributes.text("act_type");
  // Numbers as in src/ops/activation.cpp: what MXNet keeps in float is rounded to float.
  if (type == "prelu") return lower_prelu(body, id);
  if (type == "leaky") return become_pointwise(body, id, x, with_number("leaky", node.attributes.real("slope")));
  if (type == "elu") return become_pointwise(body, id, x, with_number("elu", node.attributes.real("slope")));
  if (type == "selu") {
    const Expression inner = with_number("elu", 1.6732632423543772);
    return become_pointwise(body, id, x, call("mul", {inner, constant(1.0507009873554805f)}));
  }
  if (type == "gelu") {
    const Expression half = with_number("mul", 0.5), erf = call("erf", {with_number("div", std::numbers::sqrt2)});
    return become_pointwise(body, id, x, call("mul", {half, call("add", {erf, constant(1)})}));
  }
  if (is_read(body, {id, 1})) return "LeakyReLU act_type=rrelu whose mask is read";
  const float lower = static_cast<float>(node.attributes.real("lower_bound"));
  const float upper = static_cast<float>(node.attributes.real("upper_bound"));
  return become_pointwise(body, id, x, with_number("leaky", (lower + upper) / 2));
}

WhyNot lower_cast(Body& body, NodeId id) {
  return become_pointwise(body, id, body.graph.node(id).inputs[0], source());
}

constexpr std::array<std::string_view, 4> kStatistics{"gamma", "beta", "moving mean", "moving variance"};

/// gamma / sqrt(var + eps) and beta - mean * that, in double and rounded once.
WhyNot lower_batch_norm(Body& body, NodeId id) {
  const Node node = body.graph.node(id);
  const Attributes& attributes = node.attributes;
  if (is_read(body, {id, 1}) || is_read(body, {id, 2})) {
    return fmt::format("{} whose mean or variance is read", node.op_name());
  }
  Tensor statistics[4];
  for (std::size_t i = 0; i < 4; ++i) {
    if (body.constant(node.inputs[i + 1]) == nullptr) {
      return fmt::format("{} with a {} that is no parameter: '{}'", node.op_name(), kStatistics[i],
                         body.graph.value_name(node.inputs[i + 1]));
    }
    statistics[i] = body.constant_as(node.inputs[i + 1], DType::float64);
  }
  const auto [gamma, beta, mean, variance] = std::array{statistics[0].data<double>(), statistics[1].data<double>(),
                                                        statistics[2].data<double>(), statistics[3].data<double>()};
  const std::int64_t channels = statistics[0].elements();
  Tensor scale({channels}, DType::float32), shift({channels}, DType::float32);
  for (std::int64_t c = 0; c < channels; ++c) {
    const double factor =
        (attributes.flag("fix_gamma") ? 1 : gamma[c]) / std::sqrt(variance[c] + attributes.real("eps"));
    scale.mutable_data<float>()[c] = static_cast<float>(factor);
    shift.mutable_data<float>()[c] = static_cast<float>(beta[c] - mean[c] * factor);
  }
  const Value a = body.add_constant(node.name + ".scale", std::move(scale));
  const Value b = body.add_constant(node.name + ".shift", std::move(shift));
  Expression expression = call("fma", {source(), operand(0), operand(1)});
  if (node.op->name == "_contrib_BatchNormWithReLU") expression = call("relu", {expression});
  const auto axis = attributes.has("axis") ? attributes.integer("axis") : 1;
  return become_pointwise(body, id, node.inputs[0], expression, {a, b}, static_cast<int>(axis));
}

}  // namespace

LoweringRules pointwise_rules() {
  return {
      {"Activation", lower_activation},
      {"LeakyReLU", lower_leaky_relu},
      {"clip", lower_clip},
      {"hard_sigmoid", lower_hard_sigmoid},
      {"Cast", lower_cast},
      {"amp_cast", lower_cast},
      {"BatchNorm", lower_batch_norm},
      {"BatchNorm_v1", lower_batch_norm},
      {"CuDNNBatchNorm", lower_batch_norm},
      {"_contrib_SyncBatchNorm", lower_batch_norm},
      {"_contrib_BatchNormWithReLU", lower_batch_norm},
      {"relu", lower_unary<kRelu>},
      {"_npx_relu", lower_unary<kRelu>},
      {"sigmoid", lower_unary<kSigmoid>},
      {"_npx_sigmoid", lower_unary<kSigmoid>},
      {"tanh", lower_unary<kTanh>},
      {"_npi_tanh", lower_unary<kTanh>},
      {"softsign", lower_unary<kSoftsign>},
      {"exp", lower_unary<kExp>},
      {"_npi_exp", lower_unary<kExp>},
      {"log", lower_unary<kLog>},
      {"_npi_log", lower_unary<kLog>},
      {"sqrt", lower_unary<kSqrt>},
      {"_npi_sqrt", lower_unary<kSqrt>},
      {"rsqrt", lower_unary<kRsqrt>},
      {"abs", lower_unary<kAbs>},
      {"_npi_absolute", lower_unary<kAbs>},
      {"erf", lower_unary<kErf>},
      {"square", lower_square},
      {"_npi_square", lower_square},
      {"negative", lower_negative},
      {"_npi_negative", lower_negative},
      {"reciprocal", lower_reciprocal},
      {"_npi_reciprocal", lower_reciprocal},
  };
}

}  // namespace tenon
