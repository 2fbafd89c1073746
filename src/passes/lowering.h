#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "passes/body.h"

namespace tenon {

/// Why a node is not lowered, for the reader of a refusal: `LeakyReLU act_type=prelu with a slope of 64 values over 128
/// channels`. Empty where it is.
using WhyNot = std::string;
/// Makes a node of MXNet a primitive, or leaves it as it is and says why. It is asked only where every floating type
/// around is float32, float16 or bfloat16.
using LoweringRule = WhyNot (*)(Body& body, NodeId id);
/// Rules by canonical names of operators.
using LoweringRules = std::vector<std::pair<std::string_view, LoweringRule>>;

/// Convolution, Deconvolution, FullyConnected, Pooling: what multiplies or slides.
LoweringRules window_rules();
/// Activations, arithmetic of one and two tensors, casts, batch normalization: what becomes expressions.
LoweringRules pointwise_rules();
LoweringRules arithmetic_rules();

/// The node becomes a pointwise one with this expression, over these operands.
WhyNot become_pointwise(Body& body, NodeId id, Value x, const Expression& expression,
                        const std::vector<Value>& operands = {}, int axis = 1);

/// What lower() does with one node: of a rule, its answer; nothing where no rule is for its operator.
std::optional<WhyNot> lower_node(Body& body, NodeId id);

/// The same without a body: what would become of the node alone, its inputs being what `parameters` holds or computed.
/// What remove_identities drops counts as lowered.
std::optional<WhyNot> why_not_lowered(const Graph& graph, const Node& node, const Parameters& parameters);

}  // namespace tenon
