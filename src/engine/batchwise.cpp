#include "engine/batchwise.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

#include "graph/graph.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

using Batched = std::vector<bool>;

int axis_of(const OpCall& call, const char* attribute) {
  const auto axis = static_cast<int>(call.attributes().integer(attribute));
  return axis < 0 ? axis + call.shape_in(0).rank() : axis;
}

/// The data are batched, weights and statistics are not.
bool data_only(const OpCall&, const Batched& batched) {
  return batched[0] && std::count(batched.begin(), batched.end(), true) == 1;
}

/// What else there is (labels) decides nothing in inference.
bool data_at_least(const OpCall& call, const Batched& batched) {
  return batched[0] && call.shape_in(0).rank() > 1;
}

bool all(const OpCall&, const Batched& batched) {
  return std::ranges::find(batched, false) == batched.end();
}

/// Inputs that are not batched are the same for every row.
bool elementwise(const OpCall& call, const Batched& batched) {
  const int rank = call.shape_out().rank();
  for (int i = 0; i < static_cast<int>(batched.size()); ++i) {
    const Shape& shape = call.shape_in(i);
    const bool same_for_rows = shape.rank() < rank || shape[0] == 1;
    if (batched[static_cast<std::size_t>(i)] ? shape.rank() != rank : !same_for_rows) return false;
  }
  return true;
}

bool not_over_rows(const OpCall& call, const Batched& batched) {
  return data_only(call, batched) && axis_of(call, "axis") != 0;
}

bool join(const OpCall& call, const Batched& batched) {
  return all(call, batched) && axis_of(call, "dim") != 0;
}

/// Rows keep their elements in order, and there are as many as before.
bool reshape(const OpCall& call, const Batched& batched) {
  return data_only(call, batched) && call.shape_in(0)[0] == call.shape_out()[0];
}

bool transpose(const OpCall& call, const Batched& batched) {
  const auto axes = call.attributes().tuple("axes");
  return data_only(call, batched) && !axes.empty() && axes[0] == 0;
}

/// Operands of the epilogue are vectors, one element a channel, or as batched as the data.
bool primitive(const OpCall& call, const Batched& batched) {
  const bool has_weight = call.node.op_name() != "pooling" && call.node.op_name() != "pointwise";
  if (!batched[0] || (has_weight && batched[1])) return false;
  if (call.node.op_name() == "pointwise" && axis_of(call, "axis") == 0) return false;
  for (std::size_t i = has_weight ? 2 : 1; i < batched.size(); ++i) {
    if (batched[i] == (call.shape_in(static_cast<int>(i)).rank() == 1)) return false;
  }
  return true;
}

struct Rule {
  bool (*holds)(const OpCall&, const Batched&);
  std::set<std::string_view> ops;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {data_only,
       {"Activation",
        "BlockGrad",
        "Cast",
        "Convolution",
        "Convolution_v1",
        "Deconvolution",
        "Dropout",
        "Flatten",
        "FullyConnected",
        "InstanceNorm",
        "L2Normalization",
        "LRN",
        "LeakyReLU",
        "Pad",
        "Pooling",
        "Pooling_v1",
        "UpSampling",
        "_contrib_BilinearResize2D",
        "_copy",
        "_div_scalar",
        "_maximum_scalar",
        "_minimum_scalar",
        "_minus_scalar",
        "_mul_scalar",
        "_plus_scalar",
        "_power_scalar",
        "_rdiv_scalar",
        "_rminus_scalar",
        "abs",
        "clip",
        "erf",
        "exp",
        "hard_sigmoid",
        "log",
        "negative",
        "relu",
        "rsqrt",
        "sigmoid",
        "softsign",
        "sqrt",
        "square",
        "tanh"}},
      {not_over_rows, {"BatchNorm", "LayerNorm", "log_softmax", "slice_axis", "softmax"}},
      {data_at_least, {"SoftmaxActivation", "SoftmaxOutput"}},
      {elementwise,
       {"broadcast_add", "broadcast_div", "broadcast_maximum", "broadcast_minimum", "broadcast_mul", "broadcast_sub",
        "elemwise_add", "elemwise_div", "elemwise_mul", "elemwise_sub"}},
      {all, {"add_n"}},
      {join, {"Concat"}},
      {reshape, {"Reshape"}},
      {transpose, {"transpose"}},
      {primitive, {"convolution", "deconvolution", "matmul", "pointwise", "pooling"}},
  };
  return table;
}

}  // namespace

int rowed_outputs(const Node& node) {
  return is_primitive(node) ? static_cast<int>(node.outputs.size()) : node.visible_outputs();
}

bool is_batchwise(const OpCall& call, const std::vector<bool>& batched) {
  const auto first = std::ranges::find(batched, true);
  if (first == batched.end()) return false;
  const std::int64_t rows = call.shape_in(static_cast<int>(first - batched.begin()))[0];
  for (int i = 0; i < rowed_outputs(call.node); ++i) {
    if (call.shape_out(i).rank() < 1 || call.shape_out(i)[0] != rows) return false;
  }
  return std::ranges::any_of(
      rules(), [&](const Rule& rule) { return rule.ops.contains(call.node.op_name()) && rule.holds(call, batched); });
}

}  // namespace tenon
