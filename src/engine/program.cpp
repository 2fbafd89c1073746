// Walks the graph once, in order. A value may lie in several formats: where it was written, and in copies made for
// consumers that need another. Values that share memory (views, results computed in place) form a family, which counts
// the reads still to come: the last reader may overwrite.

#include "engine/program.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include <fmt/ranges.h>

#include "core/log.h"
#include "engine/cost.h"
#include "engine/tuner.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

using Kind = Place::Kind;

/// A value in one format.
struct Lying {
  MemoryFormat format;
  Place place;
};

struct ValueState {
  std::vector<Lying> copies;  // where it was written first
  int family = -1;
};

/// Kernels read through typed pointers, but a file may hold an array at any address.
bool is_aligned(const Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.data()) % size_of(tensor.dtype()) == 0;
}

class Builder {
 public:
  Builder(Graph graph, const Backend& backend, const Parameters& parameters, ParameterStore& store,
          const ProgramOptions& options)
      : backend_(backend),
        parameters_(parameters),
        store_(store),
        tuner_(options.tuner),
        passes_(options.passes),
        origins_(options.origins),
        record_(options.record),
        graph_(std::move(graph)),
        read_(graph_.outputs.begin(), graph_.outputs.end()) {
    states_.resize(static_cast<std::size_t>(graph_.size()));
    reads_.resize(states_.size());
    for (NodeId id = 0; id < graph_.size(); ++id) {
      states_[index(id)].resize(graph_.node(id).outputs.size());
      reads_[index(id)].resize(graph_.node(id).outputs.size(), 0);
    }
    for (const NodeId id : graph_.topological_order()) {
      for (const Value input : graph_.node(id).inputs) count_read(input);
    }
    for (const Value output : graph_.outputs) count_read(output);
    if (tuner_ != nullptr) tuner_->expect(decisions_in(graph_));
  }

  Program build(const ProgramOptions& options) {
    for (const NodeId id : graph_.topological_order()) {
      if (graph_.node(id).is_variable()) {
        add_variable(id);
      } else {
        add_node(id);
      }
    }
    for (const Value output : graph_.outputs) program_.outputs.push_back(place_in(output, {}));
    if (options.give_results) give_results();
    for (const Place place : program_.outputs) keep_until(place, static_cast<int>(program_.steps.size()));
    program_.arena_bytes = plan_memory(program_.buffers);
    let_go();
    count_parameters();
    make_resident();
    program_.graph = std::move(graph_);
    return std::move(program_);
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  ValueState& state(Value value) { return states_[index(value.node)][index(value.output)]; }
  int& reads(Value value) { return reads_[index(value.node)][index(value.output)]; }

  void count_read(Value value) {
    read_.insert(value);
    ++reads(value);
  }

  void keep_until(Place place, int step) {
    if (place.kind != Kind::buffer) return;
    int& last = program_.buffers[index(place.index)].last;
    last = std::max(last, step);
  }

  Place new_buffer(std::size_t bytes, int step) {
    program_.buffers.push_back({bytes, step, step});
    return {Kind::buffer, static_cast<int>(program_.buffers.size()) - 1};
  }

  void add_variable(NodeId id) {
    ValueState& value = state({id, 0});
    value.family = static_cast<int>(pending_.size());
    pending_.push_back(reads({id, 0}));
    const auto found = parameters_.find(graph_.node(id).name);
    if (found == parameters_.end()) {
      program_.feeds.push_back(id);
      value.copies.push_back({{}, {Kind::feed, static_cast<int>(program_.feeds.size()) - 1}});
    } else {
      program_.constants.push_back(constant_of(found->second, *graph_.type({id, 0}).dtype));
      const Tensor& constant = program_.constants.back();
      still_.push_back(store_.hold_still(constant));
      program_.sources.push_back({id, store_.identity(constant)});
      needed_.push_back(false);
      value.copies.push_back({{}, {Kind::constant, static_cast<int>(program_.constants.size()) - 1}});
    }
  }

  /// The parameter itself wherever it can be.
  Tensor constant_of(const Tensor& parameter, DType dtype) {
    if (parameter.dtype() == dtype && is_aligned(parameter)) return parameter;
    const auto copy = store_.derive(parameter, std::string(name(dtype)), {parameter.shape(), dtype}, [&](Tensor& made) {
      const Tensor readable = is_aligned(parameter) ? parameter : parameter.clone();
      made = readable.astype(dtype);
    });
    return Tensor::borrow_const(copy->data(), copy->shape(), dtype, copy);
  }

  /// Where the value lies in this format; copies it there first when it does not yet.
  Place place_in(Value value, MemoryFormat format) {
    std::vector<Lying>& copies = state(value).copies;
    for (const Lying& copy : copies) {
      if (copy.format == format) return copy.place;
    }
    const TensorType& type = graph_.type(value);
    const Lying from = copies.front();
    // (Kernels of blocks load whole lines: a buffer begins with one, a parameter of a file need not.)
    if (from.place.kind == Kind::buffer && reads_alike(type.shape, from.format, format)) {
      copies.push_back({format, from.place});
      return from.place;
    }
    const int at = static_cast<int>(program_.steps.size());
    Step step;
    step.info = {graph_.value_name(value), "", backend_.reorder_name, {}};
    step.info.inputs = step.info.outputs = {type};
    step.info.bytes = static_cast<double>(padded_bytes(type, from.format) + padded_bytes(type, format));
    step.kernel = backend_.reorder(type, from.format, format);
    step.src = {from.place};
    step.dst = {new_buffer(padded_bytes(type, format), at)};
    copies.push_back({format, step.dst[0]});
    add_step(std::move(step));
    return copies.back().place;
  }

  void add_step(Step step) {
    const int at = static_cast<int>(program_.steps.size());
    for (const Place place : step.src) keep_until(place, at);
    for (const Place place : step.dst) keep_until(place, at);
    if (step.kernel.workspace_bytes > 0) step.workspace = new_buffer(step.kernel.workspace_bytes, at).index;
    program_.steps.push_back(std::move(step));
  }

  void add_node(NodeId id) {
    const Node& node = graph_.node(id);
    OpCall call{node, {}, node.outputs, graph_.np_shape};
    StepRequest request{call, {}, {}, {}, store_, *backend_.memory, &backend_, tuner_, passes_, origins_};
    for (const Value input : node.inputs) {
      const Lying& copy = state(input).copies.front();
      call.inputs.push_back(graph_.type(input));
      request.src.push_back(copy.format);
      request.constant.push_back(copy.place.kind == Kind::constant ? &program_.constants[index(copy.place.index)]
                                                                   : nullptr);
    }
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) {
      request.read.push_back(i < node.visible_outputs() || read_.contains({id, i}));
    }

    Step step;
    step.node = id;
    step.info.node = node.name;
    step.info.op = node.op_name();
    StepPlan plan = record_ != nullptr ? choose_recorded(request, step.info)
                    : tunes(node)      ? choose_measured(request, step.info)
                                       : choose(request, step.info);
    describe(request, plan, step.info);
    if (!plan.body) need_unpacked(node, plan);
    for (auto& copy : plan.packed) program_.packed.push_back(std::move(copy));
    place_operands(request, plan, step);
    step.kernel = std::move(plan.kernel);
    step.body = std::move(plan.body);
    add_step(std::move(step));
    if (tuner_ != nullptr && !node.body) tuner_->report(node.name);
  }

  void append_origins(const Node& node, std::vector<std::string>& names) const {
    const auto found = origins_ == nullptr ? Origins::const_iterator{} : origins_->find(node.name);
    if (origins_ == nullptr || found == origins_->end()) return names.push_back(node.name);
    names.insert(names.end(), found->second.begin(), found->second.end());
  }

  std::vector<std::string> covered_by(const Node& node) const {
    std::vector<std::string> names;
    if (!node.body) {
      append_origins(node, names);
      return names;
    }
    for (const NodeId id : node.body->topological_order()) {
      if (!node.body->node(id).is_variable()) append_origins(node.body->node(id), names);
    }
    return names;
  }

  void describe(const StepRequest& request, const StepPlan& plan, StepInfo& info) const {
    if (info.covers.empty()) info.covers = covered_by(request.call.node);
    info.inputs = request.call.inputs;
    info.outputs = request.call.outputs;
    info.operations = operations(request.call);
    info.done_operations = plan.operations.value_or(info.operations);
    info.bytes = bytes_moved(request, plan);
  }

  /// Steps to decide here; those of a body are counted when it is built.
  static int decisions_in(const Graph& graph) {
    const auto order = graph.topological_order();
    return static_cast<int>(
        std::ranges::count_if(order, [&](NodeId id) { return !graph.node(id).is_variable() && !graph.node(id).body; }));
  }

  bool tunes(const Node& node) const {
    return tuner_ != nullptr && tuner_->options().effort != Effort::off && backend_.memory->is_host() &&
           is_primitive(node);
  }

  /// The offer that was the fastest, now or once before.
  StepPlan choose_measured(StepRequest request, StepInfo& info) {
    std::vector<Timing> timings = tuner_->known(request);
    request.rarely_best = tuner_->options().effort == Effort::full || !timings.empty();
    std::vector<Candidate> candidates;
    for (const Implementation& implementation : backend_.implementations) {
      if (std::ranges::find(implementation.ops, info.op) == implementation.ops.end()) continue;
      if (!timings.empty() && implementation.name != timings[0].implementation) continue;
      Offer offer = offer_of(implementation, request);
      if (auto* plan = std::get_if<StepPlan>(&offer)) {
        if (plan->view_of) return choose(request, info);  // nothing is faster
        candidates.push_back({implementation.name, std::move(*plan)});
      } else {
        info.refusals.push_back(implementation.name + ": " + std::get<std::string>(offer));
      }
    }
    if (timings.empty() && candidates.size() > 1) timings = tuner_->measure(request, candidates);
    const auto chosen = timings.empty()
                            ? candidates.end()
                            : std::ranges::find(candidates, timings[0].implementation, &Candidate::implementation);
    if (candidates.size() != 1 && chosen == candidates.end()) {
      info.refusals.clear();
      request.rarely_best = false;
      return choose(request, info);  // not measured, or what was the fastest is no longer offered
    }
    for (std::size_t i = 1; i < timings.size(); ++i) {
      info.refusals.push_back(fmt::format("{}: took {:.3f} ms where the chosen one took {:.3f}",
                                          timings[i].implementation, timings[i].ms, timings[0].ms));
    }
    Candidate& taken = chosen == candidates.end() ? candidates[0] : *chosen;
    name_implementation(taken.implementation, taken.plan, info);
    return std::move(taken.plan);
  }

  /// The offer that was taken when the program was built before.
  StepPlan choose_recorded(StepRequest request, StepInfo& info) {
    const Node& node = request.call.node;
    const std::size_t at = recorded_++;
    if (at >= record_->steps.size() || record_->steps[at].node != node.name) {
      refuse_node(node, ErrorCode::corrupt, "nothing is recorded of it");
    }
    const StepRecord& record = record_->steps[at];
    request.record = record.body.get();
    request.variant = &record.variant;
    request.rarely_best = true;
    const auto found = std::ranges::find_if(backend_.implementations, [&](const Implementation& one) {
      return one.name == record.implementation &&
             (one.ops.empty() || std::ranges::find(one.ops, node.op_name()) != one.ops.end());
    });
    if (found == backend_.implementations.end()) {
      refuse_node(node, ErrorCode::corrupt,
                  fmt::format("the recorded implementation '{}' is none of the backend '{}' for it",
                              record.implementation, backend_.name));
    }
    Offer offer = offer_of(*found, request);
    if (const auto* reason = std::get_if<std::string>(&offer)) {
      refuse_node(node, ErrorCode::corrupt,
                  fmt::format("the recorded implementation '{}' does not take it: {}", record.implementation, *reason));
    }
    StepPlan& plan = std::get<StepPlan>(offer);
    if (plan.view_of && !may_view(request, *plan.view_of)) {
      refuse_node(node, ErrorCode::corrupt, "it would be a view of an input");
    }
    info.refusals = record.refusals;
    info.covers = record.covers;
    name_implementation(record.implementation, plan, info);
    return std::move(plan);
  }

  /// An input that the kernel does not read although there is no packed copy of it was looked at while the plan was
  /// made: so it will be when the program is built again.
  void need_unpacked(const Node& node, const StepPlan& plan) {
    for (const int input : plan.absorbed) {
      const Place place = state(node.inputs[index(input)]).copies.front().place;
      if (place.kind != Kind::constant) continue;
      const auto copies = store_.copies_of(program_.sources[index(place.index)].identity);
      const bool packed = std::ranges::any_of(copies, [&](const ParameterStore::Copy& copy) {
        return std::ranges::find(plan.packed, copy.tensor) != plan.packed.end();
      });
      if (!packed) needed_[index(place.index)] = true;
    }
  }

  static void name_implementation(const std::string& name, const StepPlan& plan, StepInfo& info) {
    info.implementation = plan.variant.empty() ? name : name + " " + plan.variant;
  }

  /// The first offer.
  StepPlan choose(const StepRequest& request, StepInfo& info) {
    const Node& node = request.call.node;
    for (const Implementation& implementation : backend_.implementations) {
      if (!implementation.ops.empty() &&
          std::ranges::find(implementation.ops, node.op_name()) == implementation.ops.end()) {
        continue;
      }
      Offer offer = offer_of(implementation, request);
      if (auto* plan = std::get_if<StepPlan>(&offer)) {
        if (!plan->view_of || may_view(request, *plan->view_of)) {
          name_implementation(implementation.name, *plan, info);
          return std::move(*plan);
        }
        offer = "the output would be a view of an input, which the caller may overwrite";
      }
      info.refusals.push_back(implementation.name + ": " + std::get<std::string>(offer));
      log(LogLevel::debug, "node '{}' ({}): {}", node.name, node.op_name(), info.refusals.back());
    }
    refuse_node(node, ErrorCode::unsupported,
                fmt::format("no implementation of the backend '{}' takes it: {}", backend_.name,
                            fmt::join(info.refusals, "; ")));
  }

  static Offer offer_of(const Implementation& implementation, const StepRequest& request) {
    try {
      return implementation.offer(request);
    } catch (const Error& error) {
      // Kernels refuse types without knowing their node.
      if (std::string_view(error.what()).starts_with("node '")) throw;
      refuse_node(request.call.node, error.code(), error.what());
    }
  }

  bool may_view(const StepRequest& request, int input) {
    const Node& node = request.call.node;
    if (state(node.inputs[index(input)]).copies.front().place.kind != Kind::feed) return true;
    return std::ranges::none_of(graph_.outputs, [&](Value output) { return &graph_.node(output.node) == &node; });
  }

  void place_operands(const StepRequest& request, const StepPlan& plan, Step& step) {
    const Node& node = request.call.node;
    for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
      const bool absorbed = std::ranges::find(plan.absorbed, i) != plan.absorbed.end();
      const MemoryFormat format = plan.src.empty() ? MemoryFormat{} : plan.src[index(i)];
      step.src.push_back(absorbed ? Place{} : place_in(node.inputs[index(i)], format));
    }
    for (const Value input : node.inputs) --pending_[index(state(input).family)];
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) place_output(request, plan, i, step);
  }

  void place_output(const StepRequest& request, const StepPlan& plan, int output, Step& step) {
    const Value value{step.node, output};
    if (!request.read[index(output)]) {
      step.dst.push_back({});
      return;
    }
    const MemoryFormat format = plan.dst.empty() ? MemoryFormat{} : plan.dst[index(output)];
    const std::size_t bytes = padded_bytes(graph_.type(value), format);
    const auto shared = output == 0 ? shared_input(request, plan, step, bytes) : std::nullopt;
    const auto lying = lying_piece(plan, step, output);
    Place place;
    if (lying) {
      place = new_buffer(bytes, static_cast<int>(program_.steps.size()));
      Buffer& buffer = program_.buffers[index(place.index)];
      buffer.within = step.src[0].index;
      buffer.at = *lying;
      state(value).family = state(request.call.node.inputs[0]).family;
    } else if (shared) {
      place = step.src[index(*shared)];
      state(value).family = state(request.call.node.inputs[index(*shared)]).family;
    } else {
      place = new_buffer(bytes, static_cast<int>(program_.steps.size()));
      state(value).family = static_cast<int>(pending_.size());
      pending_.push_back(0);
      if (output == 0) take_parts(request, plan, step, place.index, state(value).family);
    }
    pending_[index(state(value).family)] += reads(value);
    state(value).copies.push_back({format, place});
    step.dst.push_back(place);
    if (output < request.call.node.visible_outputs()) step.shown.push_back({shown_name(value), output, place, format});
  }

  /// Where an output lies in the first input, which is a buffer that outlives it then.
  static std::optional<std::size_t> lying_piece(const StepPlan& plan, const Step& step, int output) {
    const auto piece = std::ranges::find(plan.pieces, output, &Piece::output);
    if (piece == plan.pieces.end() || step.src[0].kind != Kind::buffer) return {};
    return piece->offset;
  }

  /// Inputs that are a buffer of their own become parts of output 0, so that they are written where they are needed.
  /// All of them are one family from then on.
  void take_parts(const StepRequest& request, const StepPlan& plan, const Step& step, int whole, int family) {
    for (const Part part : plan.parts) {
      const Place place = step.src[index(part.input)];
      if (place.kind != Kind::buffer) continue;
      Buffer& buffer = program_.buffers[index(place.index)];
      if (buffer.within >= 0 || place.index == whole) continue;
      if (buffer.bytes != part_bytes(request, plan, part.input)) continue;  // with padding that a part has no room for
      buffer.within = whole;
      buffer.at = part.offset;
      join_families(state(request.call.node.inputs[index(part.input)]).family, family);
    }
  }

  std::size_t part_bytes(const StepRequest& request, const StepPlan& plan, int input) const {
    return padded_bytes(request.call.inputs[index(input)], plan.src.empty() ? MemoryFormat{} : plan.src[index(input)]);
  }

  void join_families(int from, int to) {
    pending_[index(to)] += std::exchange(pending_[index(from)], 0);
    for (auto& outputs : states_) {
      for (ValueState& value : outputs) {
        if (value.family == from) value.family = to;
      }
    }
  }

  /// An output of an engine node goes by the name it has inside.
  std::string shown_name(Value value) const {
    const auto& body = graph_.node(value.node).body;
    return body ? body->value_name(body->outputs[index(value.output)]) : graph_.value_name(value);
  }

  /// The input whose memory output 0 is or may become: after this step nobody reads it.
  std::optional<int> shared_input(const StepRequest& request, const StepPlan& plan, const Step& step,
                                  std::size_t bytes) {
    if (plan.view_of) return plan.view_of;
    for (const int input : plan.in_place) {
      const Place place = step.src[index(input)];
      const int family = state(request.call.node.inputs[index(input)]).family;
      if (place.kind == Kind::buffer && pending_[index(family)] == 0 &&
          program_.buffers[index(place.index)].bytes == bytes && !is_read_elsewhere(request, plan, step, input)) {
        return input;
      }
    }
    return {};
  }

  /// Whether the step also reads memory of this input in another way than element by element: y = convolution(x) + x
  /// must not overwrite x.
  bool is_read_elsewhere(const StepRequest& request, const StepPlan& plan, const Step& step, int input) {
    const std::vector<Value>& inputs = request.call.node.inputs;
    const int family = state(inputs[index(input)]).family;
    for (int other = 0; other < static_cast<int>(inputs.size()); ++other) {
      if (other == input || state(inputs[index(other)]).family != family) continue;
      if (std::ranges::find(plan.absorbed, other) != plan.absorbed.end()) continue;
      const bool alike = std::ranges::find(plan.in_place, other) != plan.in_place.end() &&
                         step.src[index(other)].index == step.src[index(input)].index;
      if (!alike) return true;
    }
    return false;
  }

  /// Outputs move from their buffers to the memory of the caller. What is no buffer of its own (an input, a constant,
  /// an output that is returned twice) or lies in a larger one, as units that are filled up do, is copied there by a
  /// last step.
  void give_results() {
    std::map<int, int> result_of;  // by buffer
    for (std::size_t i = 0; i < program_.outputs.size(); ++i) {
      const Place place = program_.outputs[i];
      const std::size_t bytes = padded_bytes(graph_.type(graph_.outputs[i]), {});
      const Place result{Kind::result, static_cast<int>(i)};
      program_.outputs[i] = result;
      if (place.kind == Kind::buffer && program_.buffers[index(place.index)].bytes == bytes &&
          result_of.emplace(place.index, result.index).second) {
        continue;
      }
      Step step;
      step.info = {graph_.value_name(graph_.outputs[i]), "", "copy", {}};
      step.kernel.run = [memory = backend_.memory, bytes](const Operands& operands) {
        memory->copy(operands.dst[0], operands.src[0], bytes, operands.stream);
      };
      step.src = {place};
      step.dst = {result};
      add_step(std::move(step));
    }
    const auto move = [&](Place& place) {
      const auto moved = place.kind == Kind::buffer ? result_of.find(place.index) : result_of.end();
      if (moved != result_of.end()) place = {Kind::result, moved->second};
    };
    for (Step& step : program_.steps) {
      std::ranges::for_each(step.src, move);
      std::ranges::for_each(step.dst, move);
      for (ShownOutput& shown : step.shown) move(shown.place);
    }
    for (const auto& [buffer, result] : result_of) program_.buffers[index(buffer)].bytes = 0;
    for (Buffer& buffer : program_.buffers) {
      if (result_of.contains(buffer.within)) buffer.within = -1;  // what it was a part of has moved
    }
  }

  /// Parameters of which only packed copies are read would be held twice.
  void let_go() {
    still_.clear();  // what is let go may make room for other constants
    const auto need = [&](Place place) {
      if (place.kind == Kind::constant) needed_[index(place.index)] = true;
    };
    for (const Step& step : program_.steps) std::ranges::for_each(step.src, need);
    std::ranges::for_each(program_.outputs, need);
    for (std::size_t i = 0; i < needed_.size(); ++i) {
      if (!needed_[i]) program_.constants[i] = {};
    }
  }

  void count_parameters() {
    std::set<const void*> counted;
    const auto count = [&](const Tensor& tensor) {
      if (counted.insert(tensor.data()).second) program_.parameter_bytes += tensor.bytes();
    };
    for (const Step& step : program_.steps) {
      for (const Place place : step.src) {
        if (place.kind == Kind::constant) count(program_.constants[index(place.index)]);
      }
    }
    for (const auto& copy : program_.packed) count(*copy);
  }

  /// Puts the parameters that steps read where the device's kernels can; one copy for all programs of the model.
  void make_resident() {
    DeviceMemory& memory = *backend_.memory;
    if (memory.is_host()) return;
    std::set<int> read;
    for (const Step& step : program_.steps) {
      for (const Place place : step.src) {
        if (place.kind == Kind::constant) read.insert(place.index);
      }
    }
    for (const Place place : program_.outputs) {
      if (place.kind == Kind::constant) read.insert(place.index);
    }
    for (const int constant : read) {
      Tensor& tensor = program_.constants[index(constant)];
      const auto copy = store_.derive_resident(tensor, "", {tensor.shape(), tensor.dtype()}, memory,
                                               [&] { return memory.resident(tensor); });
      tensor = Tensor::borrow_const(copy->data(), copy->shape(), copy->dtype(), copy);
    }
  }

  const Backend& backend_;
  const Parameters& parameters_;
  ParameterStore& store_;
  Tuner* tuner_;
  const PassOptions* passes_;
  const Origins* origins_;
  const ProgramRecord* record_;
  Graph graph_;
  Program program_;
  std::set<Value> read_;
  std::vector<std::vector<ValueState>> states_;
  std::vector<std::vector<int>> reads_;
  std::vector<int> pending_;                        // reads to come, of each family
  std::vector<std::shared_ptr<const void>> still_;  // the constants, while they are asked for
  std::vector<bool> needed_;                        // the constants that stay
  std::size_t recorded_ = 0;                        // operators taken from the record
};

}  // namespace

Program build_program(Graph graph, const Backend& backend, const Parameters& parameters, ParameterStore& store,
                      const ProgramOptions& options) {
  return Builder(std::move(graph), backend, parameters, store, options).build(options);
}

std::vector<std::shared_ptr<const Tensor>> parameters_of(const Program& program) {
  std::vector<std::shared_ptr<const Tensor>> kept = program.packed;
  std::vector<bool> seen(program.constants.size(), false);
  for (const Step& step : program.steps) {
    for (const Place place : step.src) {
      const auto index = static_cast<std::size_t>(place.index);
      if (place.kind != Place::Kind::constant || seen[index]) continue;
      seen[index] = true;
      kept.push_back(std::make_shared<const Tensor>(program.constants[index]));
    }
  }
  return kept;
}

}  // namespace tenon
