// A node is asked about in two ways. Operators that the passes lower are taken by their types and a few attributes. Any
// other operator is offered to the backend's implementations just as the program will offer it later; what they answer
// is the reason of the refusal. Joining a node that runs no faster inside would only move its cost.

#include "engine/selector.h"

#include <algorithm>
#include <array>

#include <fmt/ranges.h>

#include "core/error.h"
#include "graph/graph.h"

namespace tenon {
namespace {

/// What the passes turn into primitives, or remove.
constexpr auto kLowered = std::to_array<std::string_view>({
    "Activation",
    "BatchNorm",
    "BatchNorm_v1",
    "BlockGrad",
    "Convolution",
    "Convolution_v1",
    "Deconvolution",
    "Dropout",
    "FullyConnected",
    "LeakyReLU",
    "Pooling",
    "Pooling_v1",
    "_copy",
    "_div_scalar",
    "_maximum_scalar",
    "_minimum_scalar",
    "_minus_scalar",
    "_mul_scalar",
    "_plus_scalar",
    "_rminus_scalar",
    "_rdiv_scalar",
    "abs",
    "broadcast_add",
    "broadcast_div",
    "broadcast_maximum",
    "broadcast_minimum",
    "broadcast_mul",
    "broadcast_sub",
    "clip",
    "elemwise_add",
    "elemwise_div",
    "elemwise_mul",
    "elemwise_sub",
    "erf",
    "exp",
    "log",
    "relu",
    "rsqrt",
    "sigmoid",
    "softsign",
    "sqrt",
    "square",
    "tanh",
    "negative",
});

bool is_lowered(const Node& node) {
  return std::ranges::find(kLowered, node.op_name()) != kLowered.end();
}

OpCall call_of(const Graph& graph, const Node& node) {
  OpCall call{node, {}, node.outputs, graph.np_shape};
  for (const Value input : node.inputs) call.inputs.push_back(graph.type(input));
  return call;
}

/// The one attribute rule of lowering that concerns two tensors: a slope is one for all channels or one for each.
Verdict slope_fits(const OpCall& call) {
  const Node& node = call.node;
  if (node.op_name() != "LeakyReLU" || node.attributes.text("act_type") != "prelu") return Verdict::take();
  const std::int64_t slopes = call.shape_in(1).elements();
  const std::int64_t channels = call.shape_in(0).rank() > 1 ? call.shape_in(0)[1] : 1;
  if (slopes == 1 || slopes == channels) return Verdict::take();
  return Verdict::refuse(
      "slope", fmt::format("LeakyReLU act_type=prelu with a slope of {} values over {} channels", slopes, channels));
}

Verdict types_fit(const Graph& graph, const OpCall& call) {
  const auto refuse = [&](const std::string& tensor, DType dtype) {
    return Verdict::refuse(
        "type", fmt::format("{} computes with float32, and '{}' is {}", call.node.op_name(), tensor, name(dtype)));
  };
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const DType dtype = call.dtype_in(static_cast<int>(i));
    if (dtype != DType::float32) return refuse(graph.value_name(call.node.inputs[i]), dtype);
    if (call.inputs[i].shape.elements() == 0) {
      return Verdict::refuse("empty", fmt::format("'{}' has shape {}: there is nothing to compute",
                                                  graph.value_name(call.node.inputs[i]), call.inputs[i].shape.str()));
    }
  }
  if (call.dtype_out() != DType::float32) return refuse(call.node.name, call.dtype_out());
  return Verdict::take();
}

class Tenon : public Selector {
 public:
  explicit Tenon(std::shared_ptr<const Backend> backend) : backend_(std::move(backend)) {}
  std::string_view name() const override { return "tenon"; }

  Verdict select(const Graph& graph, const Node& node) const override {
    const OpCall call = call_of(graph, node);
    if (!is_lowered(node)) return ask_implementations(call);
    const Verdict verdict = types_fit(graph, call);
    return verdict.taken ? slope_fits(call) : verdict;
  }

 private:
  /// Nothing is known of constants and formats yet: what is accepted row-major is accepted.
  Verdict ask_implementations(const OpCall& call) const {
    ParameterStore none(Model(Graph(), {}));
    std::vector<bool> read(call.outputs.size(), false);
    std::fill_n(read.begin(), call.node.visible_outputs(), true);
    const StepRequest request{call,
                              std::vector<MemoryFormat>(call.inputs.size()),
                              std::vector<const Tensor*>(call.inputs.size(), nullptr),
                              read,
                              none,
                              *backend_->memory};
    std::vector<std::string> reasons;
    for (const Implementation& implementation : backend_->implementations) {
      if (std::ranges::find(implementation.ops, call.node.op_name()) == implementation.ops.end()) continue;
      Offer offer = implementation.offer(request);
      if (std::holds_alternative<StepPlan>(offer)) return Verdict::take();
      reasons.push_back(implementation.name + ": " + std::get<std::string>(offer));
    }
    if (!reasons.empty()) return Verdict::refuse("implementation", fmt::format("{}", fmt::join(reasons, "; ")));
    return Verdict::refuse("operator", fmt::format("the backend '{}' has nothing faster than the plain step for {}",
                                                   backend_->name, call.node.op_name()));
  }

  std::shared_ptr<const Backend> backend_;
};

}  // namespace

std::shared_ptr<const Selector> tenon_selector(std::shared_ptr<const Backend> backend) {
  return std::make_shared<Tenon>(std::move(backend));
}

std::shared_ptr<const Selector> find_selector(std::string_view name, const Backend& backend) {
  if (!name.empty() && name != "tenon" && name != "mxnet-tensorrt") {
    fail(ErrorCode::invalid_argument, "there is no selector '{}'; choose tenon or mxnet-tensorrt", name);
  }
  if (!backend.selector || name.empty() || name == backend.selector->name()) return backend.selector;
  if (backend.selector->name() != "tenon") {
    fail(ErrorCode::unsupported, "the backend '{}' takes what its own selector does, '{}', not what '{}' does",
         backend.name, backend.selector->name(), name);
  }
  return mxnet_tensorrt_selector();
}

}  // namespace tenon
