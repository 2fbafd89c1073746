// A node is asked about in two ways. What the passes lower is taken: the rules of lowering themselves are asked, on a
// graph of that node alone. Any other is offered to the backend's implementations just as the program will offer it
// later. The reason of a refusal is the rule's where there is one, else what the implementations answer. Joining a node
// that runs no faster inside would only move its cost.

#include "engine/selector.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/error.h"
#include "graph/graph.h"
#include "passes/lowering.h"

namespace tenon {
namespace {

OpCall call_of(const Graph& graph, const Node& node) {
  OpCall call{node, {}, node.outputs, graph.np_shape};
  for (const Value input : node.inputs) call.inputs.push_back(graph.type(input));
  return call;
}

std::optional<Verdict> empty_operand(const Graph& graph, const OpCall& call) {
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (call.inputs[i].shape.elements() != 0) continue;
    return Verdict::refuse("empty", fmt::format("'{}' has shape {}: there is nothing to compute",
                                                graph.value_name(call.node.inputs[i]), call.inputs[i].shape.str()));
  }
  return {};
}

/// " of (11,3,48) to (3,48)".
std::string sizes_of(const OpCall& call) {
  std::string text;
  if (!call.inputs.empty()) text += " of " + call.shape_in(0).str();
  if (!call.outputs.empty()) text += " to " + call.shape_out().str();
  return text;
}

/// The kernels of primitives compute with float32, whatever else the passes could express.
Verdict types_fit(const Graph& graph, const OpCall& call) {
  const auto refuse = [&](const std::string& tensor, DType dtype) {
    return Verdict::refuse(
        "type", fmt::format("{} computes with float32, and '{}' is {}", call.node.op_name(), tensor, name(dtype)));
  };
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const DType dtype = call.dtype_in(static_cast<int>(i));
    if (dtype != DType::float32) return refuse(graph.value_name(call.node.inputs[i]), dtype);
  }
  if (call.dtype_out() != DType::float32) return refuse(call.node.name, call.dtype_out());
  return Verdict::take();
}

/// Refuses by the rule "operator" where lowering has none for it.
Verdict ask_passes(const Graph& graph, const OpCall& call, const Parameters& parameters) {
  const auto why_not = why_not_lowered(graph, call.node, parameters);
  if (!why_not) return Verdict::refuse("operator", "");
  Verdict types = types_fit(graph, call);
  if (!types.taken) return types;
  return why_not->empty() ? Verdict::take() : Verdict::refuse("form", *why_not);
}

class Tenon : public Selector {
 public:
  explicit Tenon(std::shared_ptr<const Backend> backend) : backend_(std::move(backend)) {}
  std::string_view name() const override { return "tenon"; }

  Verdict select(const Graph& graph, const Node& node, const Parameters& parameters) const override {
    const OpCall call = call_of(graph, node);
    if (const auto empty = empty_operand(graph, call)) return *empty;
    Verdict lowered = ask_passes(graph, call, parameters);
    if (lowered.taken) return lowered;
    const Verdict offered = ask_implementations(call);
    return offered.taken || lowered.rule == "operator" ? offered : lowered;
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
    return Verdict::refuse("operator",
                           fmt::format("{}{}: the backend '{}' has nothing faster for it than the plain step",
                                       call.node.op_name(), sizes_of(call), backend_->name));
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
