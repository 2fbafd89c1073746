#include "engine/portions.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/log.h"
#include "core/threads.h"
#include "engine/batchwise.h"
#include "engine/memory_format.h"
#include "engine/program.h"
#include "engine/run.h"
#include "partition/replace.h"

namespace tenon {
namespace {

/// Operands of a portions node that vary; their addresses are kept on the stack.
constexpr std::size_t kMostOperands = 16;

bool has_rows(const Shape& shape, std::int64_t rows) {
  return shape.rank() >= 1 && shape[0] == rows;
}

/// The choice: how many operators, in topological order, take how many images at a time.
class Choice {
 public:
  Choice(const Graph& graph, const std::set<std::string>& constants, std::int64_t cache_bytes)
      : graph_(graph), constants_(constants), cache_(cache_bytes), order_(operators()) {
    find_batch();
    if (batch_ > 1) choose();
  }

  std::int64_t batch() const { return batch_; }
  std::int64_t images() const { return images_; }
  std::vector<NodeId> head() const { return {order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count_)}; }

 private:
  std::vector<NodeId> operators() const {
    std::vector<NodeId> order = graph_.topological_order();
    std::erase_if(order, [&](NodeId id) { return graph_.node(id).is_variable(); });
    return order;
  }

  void find_batch() {
    for (const NodeId id : graph_.topological_order()) {
      const Node& node = graph_.node(id);
      if (batch_ > 0 || !node.is_variable() || constants_.contains(node.name)) continue;
      batch_ = node.outputs[0].shape.rank() > 0 ? node.outputs[0].shape[0] : 1;
    }
  }

  bool is_batched(Value value) const {
    const Node& node = graph_.node(value.node);
    if (!node.is_variable()) return in_head_.contains(value.node);
    return !constants_.contains(node.name) && has_rows(node.outputs[0].shape, batch_);
  }

  bool takes(NodeId id) const {
    const Node& node = graph_.node(id);
    OpCall call{node, {}, node.outputs, graph_.np_shape};
    std::vector<bool> batched;
    for (const Value input : node.inputs) {
      if (input.output >= rowed_outputs(graph_.node(input.node))) return false;  // statistics, masks
      call.inputs.push_back(graph_.type(input));
      batched.push_back(is_batched(input));
    }
    return is_batchwise(call, batched);
  }

  std::int64_t bytes(Value value) const { return static_cast<std::int64_t>(padded_bytes(graph_.type(value), {})); }

  /// How long the value of each operator is needed: the rank of its last reader; past the end for the graph's outputs.
  std::map<Value, std::size_t> last_reads() const {
    std::map<Value, std::size_t> last;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      for (const Value input : graph_.node(order_[i]).inputs) last[input] = i;
    }
    for (const Value output : graph_.outputs) last[output] = order_.size();
    return last;
  }

  void choose() {
    const auto last = last_reads();
    std::map<std::size_t, std::int64_t> ends;  // last reader → bytes of values it frees
    std::int64_t passed = 0, shared = 0, living = 0, widest = 0, best = 0;
    for (std::size_t i = 0; i < order_.size() && takes(order_[i]); ++i) {
      const Node& node = graph_.node(order_[i]);
      std::int64_t moved = 0;
      for (const Value input : node.inputs) (is_batched(input) ? moved : shared) += bytes(input);
      in_head_.insert(order_[i]);
      for (int k = 0; k < rowed_outputs(node); ++k) {
        const Value output{order_[i], k};
        moved += bytes(output);
        const auto read = last.find(output);
        if (read == last.end()) continue;
        living += bytes(output);
        ends[read->second] += bytes(output);
      }
      living -= ends[i];
      if (moved > cache_) passed += moved;
      widest = std::max(widest, moved / batch_);
      const std::int64_t images = images_for(widest);
      // What crosses the cut is written and read once more.
      const std::int64_t saved = passed - (batch_ / images - 1) * shared - 2 * living;
      if (images == batch_ || saved <= best) continue;
      best = saved;
      count_ = i + 1;
      images_ = images;
    }
  }

  /// The most images that divide the batch and fit the cache; one where none does.
  std::int64_t images_for(std::int64_t bytes_an_image) const {
    std::int64_t images = std::clamp<std::int64_t>(cache_ / std::max<std::int64_t>(bytes_an_image, 1), 1, batch_);
    while (batch_ % images != 0) --images;
    return images;
  }

  const Graph& graph_;
  const std::set<std::string>& constants_;
  std::int64_t cache_;
  std::vector<NodeId> order_;
  std::set<NodeId> in_head_;
  std::int64_t batch_ = 0, images_ = 1;
  std::size_t count_ = 0;
};

/// Everything stays outside the body, so that it does not matter where the constants' values come from.
class AbsorbsNothing : public Selector {
 public:
  std::string_view name() const override { return "portions"; }
  Verdict select(const Graph&, const Node&, const Parameters&) const override { return Verdict::take(); }
  bool absorbs(const Graph&, const Node&, int) const override { return false; }
};

/// The body with so many images in place of the whole batch; nothing where an operator does not follow, as one whose
/// attributes tell the batch size.
std::optional<Graph> typed_for(const Graph& body, const std::set<std::string>& constants, std::int64_t batch,
                               std::int64_t images) {
  Graph typed = body;
  std::map<std::string, TensorType> known;
  for (NodeId id = 0; id < typed.size(); ++id) {
    Node& node = typed.node(id);
    const std::vector<TensorType> whole = node.outputs;
    node.outputs.assign(whole.size(), {});
    if (!node.is_variable()) continue;
    TensorType& type = known[node.name] = whole[0];
    if (!constants.contains(node.name) && has_rows(type.shape, batch)) type.shape[0] = images;
  }
  try {
    infer(typed, known);
    require_complete(typed);
  } catch (const Error& error) {
    log(LogLevel::debug, "the batch is not taken in portions: {}", error.what());
    return {};
  }
  for (NodeId id = 0; id < typed.size(); ++id) {
    const Node& node = typed.node(id);
    for (int i = 0; i < rowed_outputs(node) && !node.is_variable(); ++i) {
      TensorType expected = body.type({id, i});
      expected.shape[0] = images;
      if (typed.type({id, i}) != expected) return {};
    }
  }
  return typed;
}

/// An operand of the node that differs from portion to portion, or is the same for all.
struct Operand {
  std::size_t index;
  std::size_t step;  ///< bytes from one portion to the next
};

struct Portions {
  std::vector<Program> programs;  ///< one a thread that takes portions of its own: kernels may keep what they set
  std::int64_t count;
  std::vector<Operand> feeds, results;

  void run(const Operands& operands) const {
    const auto threads = static_cast<std::int64_t>(programs.size());
    if (threads == 1) return run(programs[0], operands, operands.workspace, 0, count);
#pragma omp parallel for num_threads(static_cast <int>(threads)) schedule(static, 1)
    for (std::int64_t i = 0; i < threads; ++i) {
      const ThreadScope alone(1);
      const auto k = static_cast<std::size_t>(i);
      run(programs[k], operands, operands.workspace + k * programs[k].arena_bytes, count * i / threads,
          count * (i + 1) / threads);
    }
  }

  void run(const Program& program, const Operands& operands, std::byte* arena, std::int64_t first,
           std::int64_t last) const {
    std::array<const void*, kMostOperands> src{};
    std::array<void*, kMostOperands> dst{};
    for (std::int64_t portion = first; portion < last; ++portion) {
      const auto moved = [&](auto* address, const Operand& operand) {
        using Byte =
            std::conditional_t<std::is_const_v<std::remove_pointer_t<decltype(address)>>, const std::byte, std::byte>;
        return static_cast<Byte*>(address) + static_cast<std::size_t>(portion) * operand.step;
      };
      for (std::size_t i = 0; i < feeds.size(); ++i) src[i] = moved(operands.src[feeds[i].index], feeds[i]);
      for (std::size_t i = 0; i < results.size(); ++i) dst[i] = moved(operands.dst[results[i].index], results[i]);
      tenon::run(program, {arena, {src.data(), feeds.size()}, {dst.data(), results.size()}, operands.stream});
    }
  }
};

/// Variable i of the body is input i of the node, unless a record says otherwise.
std::vector<std::string> input_names(const StepRequest& request) {
  if (request.record != nullptr) return request.record->inputs;
  const Graph& body = *request.call.node.body;
  std::vector<std::string> names;
  for (NodeId id = 0; id < body.size(); ++id) {
    if (body.node(id).is_variable()) names.push_back(body.node(id).name);
  }
  return names;
}

Offer offer_portions(const StepRequest& request) {
  const OpCall& call = request.call;
  const Graph& body = *call.node.body;
  const std::vector<std::string> names = input_names(request);
  StepPlan plan;
  Parameters values;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (request.constant[i] == nullptr) continue;
    values[names[i]] = *request.constant[i];
    plan.absorbed.push_back(static_cast<int>(i));
  }

  const auto portions = std::make_shared<Portions>();
  portions->count = call.shape_out()[0] / body.type(body.outputs[0]).shape[0];
  // Threads that take whole portions wait for nobody and keep what they compute in caches of their own.
  const int threads = threads_for_portions(portions->count);
  const ThreadScope scope(threads > 1 ? 1 : current_threads());
  for (int i = 0; i < threads; ++i) {
    portions->programs.push_back(build_program(body, *request.backend, values, request.parameters,
                                               {.give_results = true,
                                                .tuner = request.tuner,
                                                .passes = request.passes,
                                                .origins = request.origins,
                                                .record = request.record}));
  }
  portions->programs[0].inputs = names;
  const Program& program = portions->programs[0];
  const auto step_of = [&](const TensorType& whole, Value part) {
    const std::size_t bytes = padded_bytes(body.type(part), {});
    return bytes == padded_bytes(whole, {}) ? 0 : bytes;
  };
  for (const NodeId feed : program.feeds) {
    const auto found = std::ranges::find(names, program.graph.node(feed).name);
    const auto i = static_cast<std::size_t>(found - names.begin());
    portions->feeds.push_back({i, step_of(call.inputs[i], {feed, 0})});
  }
  if (std::max(portions->feeds.size(), body.outputs.size()) > kMostOperands) {
    return fmt::format("{} inputs and {} outputs, more than {}", portions->feeds.size(), body.outputs.size(),
                       kMostOperands);
  }
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    portions->results.push_back({i, step_of(call.outputs[i], body.outputs[i])});
  }
  plan.packed = parameters_of(program);
  plan.body = {portions, &program};
  plan.kernel = {[portions](const Operands& operands) { portions->run(operands); },
                 program.arena_bytes * portions->programs.size()};
  return plan;
}

Op make_portions_op() {
  Op op = engine_op();
  op.name = "_tenon_portions";
  op.doc = "A subgraph that takes the batch in portions.";
  return op;
}

}  // namespace

const Op& portions_op() {
  static const Op op = make_portions_op();
  return op;
}

std::int64_t portion_cache_bytes() {
  // Measured at batch 16 on one thread of a machine with a last-level cache of 32 MB: 1 to 16 MB make little
  // difference, all of them save 10 % of the time of mobilenetv2_1.0 and 3 % of resnet50_v1's.
  return std::int64_t{8} << 20;
}

Graph in_portions(const Graph& graph, const std::set<std::string>& constants, std::int64_t cache_bytes) {
  const Choice choice(graph, constants, cache_bytes);
  if (choice.head().size() < 2) return graph;
  Graph result = replace_subgraphs(graph, {{choice.head()}, {}}, AbsorbsNothing(), {});
  for (NodeId id = 0; id < result.size(); ++id) {
    Node& node = result.node(id);
    if (!node.body || node.op != &engine_op()) continue;
    const auto fed = std::ranges::count_if(node.inputs, [&](Value input) {
      return !result.node(input.node).is_variable() || !constants.contains(result.node(input.node).name);
    });
    std::optional<Graph> body = typed_for(*node.body, constants, choice.batch(), choice.images());
    if (!body || std::max<std::size_t>(static_cast<std::size_t>(fed), node.outputs.size()) > kMostOperands)
      return graph;
    log(LogLevel::info, "the first {} operators take the batch of {} by {}", choice.head().size(), choice.batch(),
        choice.images());
    node.op = &portions_op();
    node.name = "portions";
    node.body = std::make_shared<const Graph>(std::move(*body));
  }
  return result;
}

int threads_for_portions(std::int64_t portions) {
  const int threads = current_threads();
  return portions % threads == 0 || portions >= 4 * threads ? threads : 1;
}

Implementation portions_implementation() {
  return {"portions", {portions_op().name}, offer_portions};
}

}  // namespace tenon
