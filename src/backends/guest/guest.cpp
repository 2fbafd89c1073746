// The host's side of the guest interface: graphs and errors become C and back.

#include "backends/guest/guest.h"

#include <dlfcn.h>

#include <array>
#include <deque>

#include <tenon/c_backend.h>

#include "core/threads.h"
#include "partition/replace.h"

namespace tenon::guest {
namespace {

/// Room for what a guest says.
class Sentence {
 public:
  TenonSentence place() { return {text_.data(), text_.size()}; }
  std::string str() const { return text_.front() == '\0' ? "it gives no reason" : text_.data(); }

 private:
  std::array<char, 1024> text_{};
};

/// C views of nodes, and the memory behind them.
class NodeViews {
 public:
  TenonNode view(const Graph& graph, const Node& node, const TenonSource* sources) {
    TenonNode c{};
    c.name = node.name.c_str();
    c.op = keep(std::string(node.op_name()));
    auto& names = pointers_.emplace_back();
    auto& values = pointers_.emplace_back();
    for (const auto& [name, value] : node.attributes.all()) {
      names.push_back(name.c_str());
      values.push_back(keep(format_attribute(value)));
    }
    c.attribute_count = names.size();
    c.attribute_names = names.data();
    c.attribute_values = values.data();
    auto& inputs = types_.emplace_back();
    for (const Value input : node.inputs) inputs.push_back(view(graph, input));
    c.input_count = inputs.size();
    c.inputs = inputs.data();
    c.sources = sources;
    auto& outputs = types_.emplace_back();
    const auto id = static_cast<NodeId>(&node - &graph.node(0));
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) outputs.push_back(view(graph, Value{id, i}));
    c.output_count = outputs.size();
    c.outputs = outputs.data();
    return c;
  }

  TenonType view(const Graph& graph, Value value) {
    const TensorType& type = graph.type(value);
    return {keep(graph.value_name(value)), static_cast<TenonDType>(*type.dtype), type.shape.rank(),
            type.shape.dims().data()};
  }

 private:
  const char* keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }

  std::deque<std::string> texts_;
  std::deque<std::vector<const char*>> pointers_;
  std::deque<std::vector<TenonType>> types_;
};

/// The body of an engine node in C.
class SubgraphView {
 public:
  SubgraphView(const Graph& body, const Parameters& parameters) {
    places_.resize(static_cast<std::size_t>(body.size()));
    for (const NodeId id : body.topological_order()) {
      if (!body.node(id).is_variable()) add_node(body, id);
    }
    for (NodeId id = 0; id < body.size(); ++id) {
      if (body.node(id).is_variable()) add_variable(body, id, parameters);
    }
    // Only now do all nodes have their numbers.
    for (const NodeId id : node_ids_) {
      auto& sources = sources_.emplace_back();
      for (const Value input : body.node(id).inputs) sources.push_back(source(input));
      nodes_.push_back(views_.view(body, body.node(id), sources.data()));
    }
    for (const Value output : body.outputs) outputs_.push_back(source(output));
  }

  TenonSubgraph view() const {
    return {nodes_.size(),     nodes_.data(),         inputs_.size(),  inputs_.data(), constants_.size(),
            constants_.data(), constant_data_.data(), outputs_.size(), outputs_.data()};
  }
  const std::vector<std::shared_ptr<const Tensor>>& tensors() const { return tensors_; }

 private:
  TenonSource& place(NodeId id) { return places_[static_cast<std::size_t>(id)]; }

  TenonSource source(Value value) {
    const TenonSource& found = place(value.node);
    return found.node < 0 ? found : TenonSource{found.node, value.output};
  }

  void add_node(const Graph&, NodeId id) {
    place(id) = {static_cast<std::int32_t>(node_ids_.size()), 0};
    node_ids_.push_back(id);
  }

  void add_variable(const Graph& body, NodeId id, const Parameters& parameters) {
    const Node& node = body.node(id);
    const auto found = parameters.find(node.name);
    if (found == parameters.end()) {
      place(id) = {TENON_SUBGRAPH_INPUT, static_cast<std::int32_t>(inputs_.size())};
      inputs_.push_back(views_.view(body, Value{id, 0}));
      return;
    }
    place(id) = {TENON_CONSTANT, static_cast<std::int32_t>(constants_.size())};
    constants_.push_back(views_.view(body, Value{id, 0}));
    tensors_.push_back(std::make_shared<const Tensor>(found->second.astype(*node.outputs[0].dtype)));
    constant_data_.push_back(tensors_.back()->data());
  }

  NodeViews views_;
  std::vector<TenonSource> places_;  // by node of the body
  std::vector<NodeId> node_ids_;
  std::deque<std::vector<TenonSource>> sources_;
  std::vector<TenonNode> nodes_;
  std::vector<TenonType> inputs_, constants_;
  std::vector<const void*> constant_data_;
  std::vector<std::shared_ptr<const Tensor>> tensors_;
  std::vector<TenonSource> outputs_;
};

class GuestSelector : public Selector {
 public:
  explicit GuestSelector(const TenonGuest& guest) : guest_(guest) {}
  std::string_view name() const override { return guest_.name; }
  int minimum_nodes() const override { return guest_.minimum_nodes; }

  Verdict select(const Graph& graph, const Node& node, const Parameters&) const override {
    NodeViews views;
    const TenonNode view = views.view(graph, node, nullptr);
    Sentence reason;
    if (guest_.select(&view, reason.place()) != 0) return Verdict::take();
    return Verdict::refuse(guest_.name, reason.str());
  }

 private:
  const TenonGuest& guest_;
};

Offer offer(const TenonGuest& guest, const StepRequest& request) {
  const SubgraphView subgraph(*request.call.node.body, request.parameters.model().parameters());
  const TenonSubgraph view = subgraph.view();
  StepPlan plan;
  Sentence reason;
  void* made = guest.compile(&view, current_threads(), &plan.kernel.workspace_bytes, reason.place());
  if (made == nullptr) return reason.str();
  const std::shared_ptr<void> compiled(made, guest.release);
  plan.packed = subgraph.tensors();
  plan.kernel.run = [&guest, compiled, kept = subgraph.tensors(),
                     node = request.call.node.name](const Operands& operands) {
    Sentence failure;
    if (guest.run(compiled.get(), operands.src.data(), operands.dst.data(), operands.workspace, failure.place()) != 0) {
      fail(ErrorCode::internal, "node '{}': the backend '{}' failed: {}", node, guest.name, failure.str());
    }
  };
  return plan;
}

const TenonGuest& open_guest(const std::string& path) {
  // Never closed: kernels of the guest may live as long as the process.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(ErrorCode::not_found, "the backend '{}' cannot be opened: {}", path, dlerror());
  const auto function = reinterpret_cast<TenonGuestFunction>(dlsym(library, TENON_GUEST_FUNCTION));
  if (function == nullptr) {
    fail(ErrorCode::invalid_argument, "'{}' is no backend: it exports no function {}", path, TENON_GUEST_FUNCTION);
  }
  const TenonGuest& guest = *function();
  if (guest.api_version != TENON_GUEST_API_VERSION) {
    fail(ErrorCode::unsupported,
         "the backend '{}' speaks version {} of the interface, this Tenon version {}; build it anew", path,
         guest.api_version, TENON_GUEST_API_VERSION);
  }
  return guest;
}

}  // namespace

Backend load_backend(const std::string& path, Backend outer) {
  const TenonGuest& guest = open_guest(path);
  outer.name = guest.name;
  outer.selector = std::make_shared<GuestSelector>(guest);
  Implementation implementation{std::string("guest:") + guest.name,
                                {engine_op().name},
                                [&guest](const StepRequest& request) { return offer(guest, request); }};
  outer.implementations.insert(outer.implementations.begin(), std::move(implementation));
  return outer;
}

}  // namespace tenon::guest
