#include "backends/cuda/codegen/fuse.h"

#include <algorithm>
#include <optional>

#include "backends/cuda/codegen/problems.h"
#include "passes/primitives.h"

namespace tenon::cuda {
namespace {

constexpr int kMostPlanes = 4;  // of a stem's data

/// Reads the graph around a node.
class Neighbours {
 public:
  explicit Neighbours(const Body& body) : graph_(body.graph), uses_(body.graph.uses()) {}

  const Node* convolution(Value value) const {
    const Node& node = graph_.node(value.node);
    return !node.is_variable() && node.op->name == "convolution" ? &node : nullptr;
  }
  /// The only reader of the node's only output; none where the graph returns it.
  std::optional<NodeId> single_user(NodeId id) const {
    if (graph_.node(id).outputs.size() != 1 || uses_[static_cast<std::size_t>(id)].size() != 1) return {};
    const bool returned = std::ranges::any_of(graph_.outputs, [&](Value output) { return output.node == id; });
    if (returned) return {};
    return uses_[static_cast<std::size_t>(id)][0].user;
  }
  const std::vector<Graph::Use>& users(NodeId id) const { return uses_[static_cast<std::size_t>(id)]; }

 private:
  const Graph& graph_;
  std::vector<std::vector<Graph::Use>> uses_;
};

OpCall call_of(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  OpCall call{node, {}, node.outputs, graph.np_shape};
  for (const Value input : node.inputs) call.inputs.push_back(graph.type(input));
  return call;
}

/// `x` and `$k` change places.
Expression exchanged(const Expression& expression, int k) {
  Expression result = expression;
  if (expression.kind == Expression::Kind::source) return operand(k);
  if (expression.kind == Expression::Kind::operand && expression.index == k) return source();
  for (Expression& argument : result.arguments) argument = exchanged(argument, k);
  return result;
}

std::string exchanged_text(const Expressions& expressions, int k) {
  Expressions results;
  for (const Expression& expression : expressions) results.push_back(exchanged(expression, k));
  return to_text(results);
}

/// A 1×1 convolution whose epilogue adds another convolution's plain result, and where that stands among its operands.
struct Shortcut {
  NodeId side = -1, last = -1, first = -1;
  int operand = 0;
};

/// The convolution that may take `side` along: the same data and stride, as many outputs.
std::optional<NodeId> carrier_of(const Graph& graph, const Neighbours& around, NodeId side, const Target& target) {
  const OpCall side_call = call_of(graph, side);
  const Value data = graph.node(side).inputs[0];
  for (const Graph::Use& use : around.users(data.node)) {
    if (use.user == side || use.input != 0 || graph.node(use.user).inputs[0] != data) continue;
    if (around.convolution({use.user, 0}) == nullptr) continue;
    const OpCall call = call_of(graph, use.user);
    if (call.shape_out() != side_call.shape_out()) continue;
    ConvolutionProblem problem = convolution_problem(call);
    problem.side = true;
    const bool centred = problem.pad_y == problem.kernel_h / 2 && problem.pad_x == problem.kernel_w / 2;
    if (problem.taps() > 1 && centred && problem.stride_y == 2 &&
        !convolution_candidates(problem, plain_epilogue(), plain_epilogue(), target).empty()) {
      return use.user;
    }
  }
  return {};
}

std::optional<Shortcut> shortcut_at(const Graph& graph, const Neighbours& around, NodeId id, const Target& target) {
  const Node* side = around.convolution({id, 0});
  if (side == nullptr) return {};
  const OpCall call = call_of(graph, id);
  const ConvolutionProblem problem = convolution_problem(call);
  if (problem.taps() != 1 || problem.groups != 1 || problem.pad_y != 0 || problem.pad_x != 0) return {};
  const auto first = carrier_of(graph, around, id, target);
  if (!first) return {};
  for (std::size_t i = 2; i < side->inputs.size(); ++i) {
    const Node* last = around.convolution(side->inputs[i]);
    if (last == nullptr || last->attributes.text("epilogue") != "x" || last->inputs.size() != 2) continue;
    if (around.single_user(side->inputs[i].node) != id || *first == side->inputs[i].node) continue;
    return Shortcut{id, side->inputs[i].node, *first, static_cast<int>(i) - 2};
  }
  return {};
}

/// Rewrites the three convolutions of a block that changes size.
void join(Body& body, const Shortcut& shortcut) {
  Graph& graph = body.graph;
  const Node first = graph.node(shortcut.first), side = graph.node(shortcut.side), last = graph.node(shortcut.last);
  std::vector<Value> inputs = first.inputs;
  inputs.insert(inputs.begin() + 2, side.inputs[1]);
  const NodeId pair = graph.add(convolution_pair_op(), first.name + ".pair", inputs, first.written);
  graph.node(pair).outputs = first.outputs;
  graph.node(pair).outputs.push_back(side.outputs[0]);
  for (int i = 0; i < static_cast<int>(first.outputs.size()); ++i) graph.replace_uses({shortcut.first, i}, {pair, i});

  auto written = last.written;
  written["epilogue"] = exchanged_text(epilogue_of(side), shortcut.operand);
  std::vector<Value> last_inputs = graph.node(shortcut.last).inputs;
  for (std::size_t i = 2; i < side.inputs.size(); ++i) last_inputs.push_back(side.inputs[i]);
  last_inputs[static_cast<std::size_t>(2 + shortcut.operand)] = {pair, static_cast<int>(first.outputs.size())};
  const NodeId whole = graph.add(*primitives().find("convolution"), last.name + ".sum", last_inputs, written);
  graph.node(whole).outputs = side.outputs;
  for (int i = 0; i < static_cast<int>(side.outputs.size()); ++i) graph.replace_uses({shortcut.side, i}, {whole, i});
  body.take_origins(pair, shortcut.first);
  body.take_origins(whole, shortcut.last);
  body.take_origins(whole, shortcut.side);
}

bool join_next_shortcut(Body& body, const Target& target) {
  const Neighbours around(body);
  for (const NodeId id : body.graph.topological_order()) {
    if (const auto shortcut = shortcut_at(body.graph, around, id, target)) {
      join(body, *shortcut);
      return true;
    }
  }
  return false;
}

/// Whether it is a maximum over two axes that leaves a quarter, every window with an element of the data.
bool is_stem_pool(const OpCall& call) {
  const PoolingSizes sizes = pooling_sizes(call);
  const Window& window = sizes.window;
  const auto begins_inside = [&](std::size_t i) {
    return (window.dst[i] - 1) * window.stride[i] - window.pad_begin[i] < window.src[i] &&
           window.pad_begin[i] < window.kernel[i];
  };
  return sizes.type == PoolingType::max && window.rank == 2 && window.stride == Extent{1, 2, 2} && begins_inside(1) &&
         begins_inside(2);
}

/// The pool behind the convolution `id`, where both are a stem.
std::optional<NodeId> stem_pool_of(const Body& body, const Neighbours& around, NodeId id, const Target& target) {
  const Graph& graph = body.graph;
  if (around.convolution({id, 0}) == nullptr) return {};
  const auto pool = around.single_user(id);
  if (!pool || graph.node(*pool).op_name() != "pooling" || graph.node(*pool).inputs[0].node != id) return {};
  const OpCall conv_call = call_of(graph, id), pool_call = call_of(graph, *pool);
  if (conv_call.shape_out().rank() != 4 || !is_stem_pool(pool_call)) return {};
  const ConvolutionProblem conv = convolution_problem(conv_call);
  EpilogueSpec epilogue{epilogue_of(graph.node(id)), {}, {true}};
  for (int k = 0; k + 2 < static_cast<int>(graph.node(id).inputs.size()); ++k) {
    epilogue.per_channel.push_back(is_per_channel(conv_call, k));
  }
  if (conv.src_channels > kMostPlanes || epilogue.per_channel.size() > 4) return {};
  const DirectProblem both = pooled_problem(conv, pool_call);
  if (pooled_candidates(both, epilogue, plain_epilogue(), target).empty()) return {};
  return pool;
}

/// A rectified maximum is the maximum of what is rectified: behind the pool it is done once a window.
void move_relu_behind_pool(Expressions& conv, Expressions& pool) {
  const Expression& last = conv[0];
  if (last.kind != Expression::Kind::call) return;
  if (expression_functions()[static_cast<std::size_t>(last.index)].name != "relu") return;
  const Expression inner = last.arguments[0];
  for (Expression& expression : pool) expression = substitute(expression, call("relu", {source()}));
  conv[0] = inner;
}

bool join_next_stem(Body& body, const Target& target) {
  const Neighbours around(body);
  Graph& graph = body.graph;
  for (const NodeId id : graph.topological_order()) {
    const auto pool = stem_pool_of(body, around, id, target);
    if (!pool) continue;
    const Node conv = graph.node(id), pooling = graph.node(*pool);
    Expressions conv_epilogue = epilogue_of(conv), pool_epilogue = epilogue_of(pooling);
    move_relu_behind_pool(conv_epilogue, pool_epilogue);
    auto written = stem_attributes(pooled_problem(convolution_problem(call_of(graph, id)), call_of(graph, *pool)));
    written["epilogue"] = to_text(pool_epilogue);
    written["conv_epilogue"] = to_text(conv_epilogue);
    written["precision"] = conv.attributes.text("precision");
    std::vector<Value> inputs = conv.inputs;
    inputs.insert(inputs.end(), pooling.inputs.begin() + 1, pooling.inputs.end());
    const NodeId stem = graph.add(stem_op(), conv.name + ".stem", inputs, written);
    graph.node(stem).outputs = pooling.outputs;
    for (int i = 0; i < static_cast<int>(pooling.outputs.size()); ++i) graph.replace_uses({*pool, i}, {stem, i});
    body.take_origins(stem, id);
    body.take_origins(stem, *pool);
    return true;
  }
  return false;
}

/// Whether the result never falls as x rises, whatever the operands are.
bool is_monotone(const Expression& expression) {
  if (expression.kind == Expression::Kind::source) return true;
  if (expression.kind != Expression::Kind::call) return false;
  const std::string_view function = expression_functions()[static_cast<std::size_t>(expression.index)].name;
  const auto without_x = [](const Expression& part) { return occurrences(part, source()) == 0; };
  const std::vector<Expression>& parts = expression.arguments;
  if (function == "relu") return is_monotone(parts[0]);
  if (function != "add" && function != "max" && function != "min") return false;
  return (is_monotone(parts[0]) && without_x(parts[1])) || (without_x(parts[0]) && is_monotone(parts[1]));
}

/// The pool behind the convolution `id`, where one kernel does both.
std::optional<NodeId> halving_pool_of(const Body& body, const Neighbours& around, NodeId id, const Target& target) {
  const Graph& graph = body.graph;
  const Node* convolution = around.convolution({id, 0});
  if (convolution == nullptr) return {};
  const auto pool = around.single_user(id);
  if (!pool || graph.node(*pool).op_name() != "pooling" || graph.node(*pool).inputs[0].node != id) return {};
  const OpCall conv_call = call_of(graph, id), pool_call = call_of(graph, *pool);
  if (conv_call.shape_out().rank() != 4 || conv_call.shape_in(0).rank() != 4) return {};
  const PoolingSizes sizes = pooling_sizes(pool_call);
  const Extent two{1, 2, 2}, none{0, 0, 0};
  ConvolutionProblem problem = convolution_problem(conv_call);
  problem.pool = true;
  const bool halves = sizes.type == PoolingType::max && sizes.window.kernel == two && sizes.window.stride == two &&
                      sizes.window.pad_begin == none && pool_call.shape_out()[2] * 2 == problem.dst_h &&
                      pool_call.shape_out()[3] * 2 == problem.dst_w;
  if (!halves || !is_monotone(epilogue_of(*convolution)[0])) return {};
  for (int k = 0; k + 2 < static_cast<int>(convolution->inputs.size()); ++k) {
    if (!is_per_channel(conv_call, k)) return {};
  }
  if (convolution_candidates(problem, plain_epilogue(), {}, target).empty()) return {};
  return pool;
}

bool join_next_pool(Body& body, const Target& target) {
  const Neighbours around(body);
  Graph& graph = body.graph;
  for (const NodeId id : graph.topological_order()) {
    const auto pool = halving_pool_of(body, around, id, target);
    if (!pool) continue;
    const Node conv = graph.node(id), pooling = graph.node(*pool);
    const Expression inner = epilogue_of(conv)[0];
    Expressions epilogue = epilogue_of(pooling);
    const int shift = static_cast<int>(conv.inputs.size()) - 2;
    for (Expression& expression : epilogue) expression = substitute(expression, inner, shift);
    auto written = conv.written;
    written["epilogue"] = to_text(epilogue);
    std::vector<Value> inputs = conv.inputs;
    inputs.insert(inputs.end(), pooling.inputs.begin() + 1, pooling.inputs.end());
    const NodeId both = graph.add(convolution_pool_op(), conv.name + ".pool", inputs, written);
    graph.node(both).outputs = pooling.outputs;
    for (int i = 0; i < static_cast<int>(pooling.outputs.size()); ++i) graph.replace_uses({*pool, i}, {both, i});
    body.take_origins(both, id);
    body.take_origins(both, *pool);
    return true;
  }
  return false;
}

}  // namespace

void fuse_for_kernels(Body& body, const Target& target) {
  while (join_next_shortcut(body, target)) body.drop_unused();
  while (join_next_stem(body, target)) body.drop_unused();
  while (join_next_pool(body, target)) body.drop_unused();
}

}  // namespace tenon::cuda
