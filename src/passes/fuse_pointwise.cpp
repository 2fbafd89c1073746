// Moves pointwise nodes into the epilogue of a primitive that produces one of their inputs.
//
//     conv1 ─▶ add ─▶ bn ─▶ relu ─▶ conv2        conv1 {add(x, $0); relu(fma(y0, $1, $2))} ─▶ conv2
//     skip ──↗  │                           →    skip ──↗  │ the sum, y0
//               └─▶ next skip                              └─▶ next skip
//
// A value that others read as well becomes an output of its own, as the sum above, so that nothing is computed or read
// twice. Where several producers could take a node, a convolution or a matmul goes before the rest, and the later one
// before the earlier. A producer on which another input depends cannot: the node would have to run before itself.
//
// Before it: lower. It leaves expressions as they were joined; merge_affine tidies them.

#include <algorithm>
#include <set>

#include "passes/epilogue.h"
#include "passes/passes.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

// An epilogue beyond these bounds no longer fits registers, and an expression's depth is bounded by its parser.
constexpr int kMostCalls = 48, kMostNested = 24;
constexpr std::size_t kMostOperands = 10, kMostOutputs = 4;

class Fuser {
 public:
  explicit Fuser(Body& body) : body_(body), reads_(body.graph), order_(body.graph.topological_order()) {}

  void run() {
    for (std::size_t i = 0; i < order_.size(); ++i) rank_[order_[i]] = static_cast<int>(i);
    for (const NodeId id : order_) {
      if (body_.graph.node(id).op_name() != "pointwise") continue;
      for (const NodeId producer : candidates(id)) {
        if (absorb(producer, id)) break;
      }
    }
    body_.drop_unused();
  }

 private:
  /// The primitives that could take the node, best first.
  std::vector<NodeId> candidates(NodeId id) const {
    std::vector<NodeId> found;
    for (const Value input : body_.graph.node(id).inputs) {
      const Node& producer = body_.graph.node(input.node);
      if (!is_primitive(producer) || body_.shape(input) != body_.shape({id, 0})) continue;
      if (std::find(found.begin(), found.end(), input.node) == found.end()) found.push_back(input.node);
    }
    const auto weighted = [&](NodeId producer) { return first_operand(body_.graph.node(producer)) > 1; };
    std::sort(found.begin(), found.end(), [&](NodeId a, NodeId b) {
      return std::pair(weighted(a), rank_.at(a)) > std::pair(weighted(b), rank_.at(b));
    });
    return found;
  }

  bool absorb(NodeId producer, NodeId id) {
    if (!types_fit(producer, id) || !axes_fit(producer, id) || another_input_needs(producer, id)) return false;
    Epilogue joined = joined_epilogue(producer, id);
    const int before = static_cast<int>(body_.graph.node(producer).outputs.size());
    const int added = static_cast<int>(body_.graph.node(id).outputs.size());
    const auto number = joined.prune(wanted(producer, id));
    if (exceeds(joined)) return false;

    const DType dtype = body_.dtype({id, 0});
    for (const Value input : std::set(body_.graph.node(id).inputs.begin(), body_.graph.node(id).inputs.end())) {
      reads_.add(input, -static_cast<int>(std::ranges::count(body_.graph.node(id).inputs, input)));
    }
    for (const Value operand : operands_of(producer)) reads_.add(operand, -1);
    for (const Value operand : joined.operands) reads_.add(operand, 1);
    body_.take_origins(producer, id);
    set_dtype(producer, dtype);
    body_.set_epilogue(producer, joined.expressions, joined.operands);
    renumber_uses(producer, id, before, added, number);
    return true;
  }

  /// What is stored between the two must not be rounded more than its reader expects.
  bool types_fit(NodeId producer, NodeId id) const {
    const DType made = body_.dtype({producer, 0}), wanted = body_.dtype({id, 0});
    if (made == wanted) return true;
    // All outputs of a primitive have one type, so the old ones must go.
    const auto& outputs = body_.graph.node(producer).outputs;
    for (int i = 0; i < static_cast<int>(outputs.size()); ++i) {
      if (reads_.of({producer, i}) != reads_by(id, {producer, i})) return false;
    }
    return made == DType::float32;
  }

  /// Vectors belong to one axis.
  bool axes_fit(NodeId producer, NodeId id) const {
    const int rank = body_.shape({id, 0}).rank();
    if (channel_axis(body_.graph.node(producer), rank) == channel_axis(body_.graph.node(id), rank)) return true;
    return std::ranges::none_of(operands_of(id), [&](Value v) { return body_.shape(v) != body_.shape({id, 0}); });
  }

  std::vector<Value> operands_of(NodeId id) const { return epilogue_of(body_, id).operands; }

  int reads_by(NodeId id, Value value) const {
    return static_cast<int>(std::ranges::count(body_.graph.node(id).inputs, value));
  }

  /// Whether an input that does not come from the producer itself depends on it.
  bool another_input_needs(NodeId producer, NodeId id) const {
    std::set<NodeId> seen;
    std::vector<NodeId> open;
    for (const Value input : body_.graph.node(id).inputs) {
      if (input.node != producer) open.push_back(input.node);
    }
    while (!open.empty()) {
      const NodeId at = open.back();
      open.pop_back();
      if (at == producer) return true;
      if (!seen.insert(at).second) continue;
      for (const Value input : body_.graph.node(at).inputs) open.push_back(input.node);
    }
    return false;
  }

  /// The producer's expressions and behind them the node's.
  Epilogue joined_epilogue(NodeId producer, NodeId id) const {
    Epilogue joined = epilogue_of(body_, producer);
    const int before = static_cast<int>(joined.expressions.size());
    const Node& node = body_.graph.node(id);
    const int first = first_operand(node);
    const auto read = [&](Value value) {
      return value.node == producer ? output(value.output) : operand(joined.number_of(value));
    };
    for (const Expression& expression : epilogue_of(node)) {
      joined.expressions.push_back(map_leaves(expression, [&](const Expression& leaf) {
        if (leaf.kind == Expression::Kind::source) return read(node.inputs[0]);
        if (leaf.kind == Expression::Kind::operand)
          return read(node.inputs[static_cast<std::size_t>(first + leaf.index)]);
        return leaf.kind == Expression::Kind::output ? output(before + leaf.index) : leaf;
      }));
    }
    return joined;
  }

  /// For each joined output, whether somebody else than the node reads it.
  std::vector<bool> wanted(NodeId producer, NodeId id) const {
    std::vector<bool> result;
    for (int i = 0; i < static_cast<int>(body_.graph.node(producer).outputs.size()); ++i) {
      result.push_back(reads_.of({producer, i}) > reads_by(id, {producer, i}));
    }
    for (int i = 0; i < static_cast<int>(body_.graph.node(id).outputs.size()); ++i) {
      result.push_back(reads_.of({id, i}) > 0);
    }
    return result;
  }

  static bool exceeds(const Epilogue& epilogue) {
    int calls = 0, nested = 0;
    for (const Expression& expression : epilogue.expressions) {
      calls += call_count(expression);
      nested = std::max(nested, call_depth(expression));
    }
    return calls > kMostCalls || nested > kMostNested || epilogue.operands.size() > kMostOperands ||
           epilogue.expressions.size() > kMostOutputs;
  }

  void set_dtype(NodeId producer, DType dtype) {
    Node& node = body_.graph.node(producer);
    if (dtype == body_.dtype({producer, 0})) return;
    node.written["dtype"] = name(dtype);
    for (TensorType& type : node.outputs) type.dtype = dtype;
  }

  /// Users of the producer's old outputs and of the node's follow the pruned numbers.
  void renumber_uses(NodeId producer, NodeId id, int before, int added, const std::vector<int>& number) {
    // By way of outputs behind all others, so that no number is changed twice.
    const int beyond = before + added;
    const auto shift = [&](Value from, Value to) {
      body_.graph.replace_uses(from, to);
      reads_.move(from, to);
    };
    for (int i = 0; i < before; ++i) shift({producer, i}, {producer, beyond + i});
    for (int i = 0; i < added; ++i) shift({id, i}, {producer, beyond + before + i});
    for (int i = 0; i < beyond; ++i) {
      const int now = number[static_cast<std::size_t>(i)];
      if (now >= 0) shift({producer, beyond + i}, {producer, now});
    }
  }

  Body& body_;
  ReadCounts reads_;
  std::vector<NodeId> order_;
  std::map<NodeId, int> rank_;
};

}  // namespace

void fuse_pointwise(Body& body) {
  Fuser(body).run();
}

}  // namespace tenon
