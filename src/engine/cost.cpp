#include "engine/cost.h"

#include <algorithm>
#include <cmath>

#include "graph/graph.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

bool is_one_of(const OpCall& call, std::initializer_list<std::string_view> ops) {
  return std::ranges::find(ops, call.node.op_name()) != ops.end();
}

double elements(const Shape& shape) {
  return static_cast<double>(shape.elements());
}

/// Multiply-adds of what has a weight: those that one element of the output, or of a deconvolution's input, takes.
double multiply_adds(const OpCall& call) {
  if (is_one_of(call, {"convolution", "Convolution", "Convolution_v1"})) {
    return elements(call.shape_out()) * elements(call.shape_in(1)) / static_cast<double>(call.shape_in(1)[0]);
  }
  // What a GPU's kernels join: four results to a maximum, a second convolution of the same data.
  if (is_one_of(call, {"convolution_pool", "stem"})) {
    return 4 * elements(call.shape_out()) * elements(call.shape_in(1)) / static_cast<double>(call.shape_in(1)[0]);
  }
  if (is_one_of(call, {"convolution_pair"})) {
    return elements(call.shape_out()) * (elements(call.shape_in(1)) + elements(call.shape_in(2))) /
           static_cast<double>(call.shape_in(1)[0]);
  }
  if (is_one_of(call, {"deconvolution", "Deconvolution"})) {
    return elements(call.shape_in(0)) * elements(call.shape_in(1)) / static_cast<double>(call.shape_in(1)[0]);
  }
  if (is_one_of(call, {"matmul", "FullyConnected"})) {
    return elements(call.shape_out()) * static_cast<double>(call.shape_in(1)[1]);
  }
  if (is_one_of(call, {"batch_dot", "dot"})) {
    // (m, k) × (k, n): the product of all three is the root of the product of the three matrices' sizes.
    const double batch = call.shape_in(0).rank() > 2 ? static_cast<double>(call.shape_in(0)[0]) : 1;
    const double product = elements(call.shape_in(0)) * elements(call.shape_in(1)) * elements(call.shape_out());
    return std::sqrt(product / batch);
  }
  return 0;
}

double calls(const Expression& expression) {
  double count = expression.kind == Expression::Kind::call ? 1 : 0;
  for (const Expression& argument : expression.arguments) count += calls(argument);
  return count;
}

double operations_an_element(const OpCall& call) {
  if (!is_primitive(call.node)) return multiply_adds(call) > 0 ? 0 : 1;
  double count = 0;
  for (const Expression& expression : epilogue_of(call.node)) count += calls(expression);
  return count;
}

double window_elements(const OpCall& call) {
  if (call.node.op_name() != "pooling") return 0;
  const Window window = pooling_sizes(call).window;
  return static_cast<double>(window.kernel[0] * window.kernel[1] * window.kernel[2]);
}

}  // namespace

double operations(const OpCall& call) {
  if (call.outputs.empty()) return 0;
  const double an_element = operations_an_element(call) + window_elements(call);
  return 2 * multiply_adds(call) + an_element * elements(call.shape_out());
}

double bytes_moved(const StepRequest& request, const StepPlan& plan) {
  if (plan.view_of) return 0;
  double bytes = 0;
  for (std::size_t i = 0; i < request.call.inputs.size(); ++i) {
    if (std::ranges::find(plan.absorbed, static_cast<int>(i)) != plan.absorbed.end()) continue;
    bytes += static_cast<double>(padded_bytes(request.call.inputs[i], plan.src.empty() ? MemoryFormat{} : plan.src[i]));
  }
  for (std::size_t i = 0; i < request.call.outputs.size(); ++i) {
    if (!request.read[i]) continue;
    bytes +=
        static_cast<double>(padded_bytes(request.call.outputs[i], plan.dst.empty() ? MemoryFormat{} : plan.dst[i]));
  }
  for (const auto& copy : plan.packed) bytes += static_cast<double>(copy->bytes());
  return bytes;
}

}  // namespace tenon
