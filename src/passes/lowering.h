#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "passes/body.h"

namespace tenon {

/// Makes a node of MXNet a primitive, or leaves it as it is and gives false. It is asked only where every floating
/// type around is float32, float16 or bfloat16.
using LoweringRule = bool (*)(Body& body, NodeId id);
/// Rules by canonical names of operators.
using LoweringRules = std::vector<std::pair<std::string_view, LoweringRule>>;

/// Convolution, Deconvolution, FullyConnected, Pooling: what multiplies or slides.
LoweringRules window_rules();
/// Activations, arithmetic of one and two tensors, casts, batch normalization: what becomes expressions.
LoweringRules pointwise_rules();
LoweringRules arithmetic_rules();

/// The node becomes a pointwise one with this expression, over these operands.
bool become_pointwise(Body& body, NodeId id, Value x, const Expression& expression,
                      const std::vector<Value>& operands = {}, int axis = 1);

}  // namespace tenon
