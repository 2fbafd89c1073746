#include "partition/replace.h"

#include <algorithm>
#include <map>
#include <queue>

#include "core/error.h"

namespace tenon {
namespace {

Op make_engine_op() {
  Op op;
  op.name = "_tenon_engine";
  op.doc = "A subgraph that a backend compiled.";
  op.attributes = {integer("num_inputs"), integer("num_outputs")};
  op.inputs = counted("num_inputs", "input");
  op.outputs = counted("num_outputs", "output");
  // The types were known when the subgraph was cut out, and are copied with it.
  op.infer_shape = [](ShapeInference&) {};
  op.infer_type = [](TypeInference&) {};
  return op;
}

/// One subgraph on its way to becoming a node.
struct Engine {
  Graph body;
  std::vector<Value> inputs;   // values of the original graph
  std::vector<Value> outputs;  // values of the original graph
};

class Replacer {
 public:
  Replacer(const Graph& graph, const Partition& partition, const Selector& selector,
           const std::set<std::string>& parameters)
      : graph_(graph),
        partition_(partition),
        selector_(selector),
        parameters_(parameters),
        order_(graph.topological_order()) {
    unit_.assign(static_cast<std::size_t>(graph.size()), -1);
    for (std::size_t i = 0; i < partition.subgraphs.size(); ++i) {
      for (const NodeId id : partition.subgraphs[i]) unit_[index(id)] = static_cast<int>(i);
    }
  }

  Graph replace() {
    for (std::size_t i = 0; i < partition_.subgraphs.size(); ++i) engines_.push_back(cut(static_cast<int>(i)));
    result_.np_shape = graph_.np_shape;
    for (const int unit : contracted_order()) place(unit);
    for (const Value output : graph_.outputs) result_.outputs.push_back(placed_.at(output));
    result_.compact();
    return std::move(result_);
  }

 private:
  static std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }
  int subgraph_of(NodeId id) const { return unit_[index(id)]; }

  /// Copies the members of a subgraph into a body, with variables for what comes from outside.
  Engine cut(int subgraph) const {
    Engine engine;
    std::map<Value, Value> inner;
    const auto import = [&](const Node& consumer, int input) {
      const Value value = consumer.inputs[static_cast<std::size_t>(input)];
      if (inner.contains(value)) return;
      const Node& producer = graph_.node(value.node);
      const bool absorbed =
          producer.is_variable() && parameters_.contains(producer.name) && selector_.absorbs(graph_, consumer, input);
      const NodeId id = absorbed ? engine.body.add_variable(producer.name, producer.written)
                                 : engine.body.add_variable(input_name(engine.body, graph_.value_name(value)));
      engine.body.type({id, 0}) = graph_.type(value);
      inner[value] = {id, 0};
      if (!absorbed) engine.inputs.push_back(value);
    };
    const auto& members = partition_.subgraphs[static_cast<std::size_t>(subgraph)];
    for (const NodeId id : members) {
      Node node = graph_.node(id);
      for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
        if (subgraph_of(node.inputs[static_cast<std::size_t>(i)].node) != subgraph) import(graph_.node(id), i);
      }
      for (Value& input : node.inputs) input = inner.at(input);
      const NodeId copy = engine.body.adopt(std::move(node));
      for (int i = 0; i < static_cast<int>(graph_.node(id).outputs.size()); ++i) inner[{id, i}] = {copy, i};
    }
    engine.outputs = outputs_of(subgraph);
    for (const Value output : engine.outputs) engine.body.outputs.push_back(inner.at(output));
    return engine;
  }

  /// Two nodes of one name give values of one name; a variable must have its own, and only what is absorbed has the
  /// name of a parameter.
  std::string input_name(const Graph& body, const std::string& name) const {
    std::string candidate = name;
    for (int k = 1; body.find_variable(candidate) >= 0 || parameters_.contains(candidate); ++k) {
      candidate = name + std::to_string(k);
    }
    return candidate;
  }

  std::vector<Value> outputs_of(int subgraph) const {
    std::set<Value> read(graph_.outputs.begin(), graph_.outputs.end());
    for (const NodeId id : order_) {
      if (subgraph_of(id) == subgraph) continue;
      read.insert(graph_.node(id).inputs.begin(), graph_.node(id).inputs.end());
    }
    std::vector<Value> outputs;
    for (const NodeId id : partition_.subgraphs[static_cast<std::size_t>(subgraph)]) {
      for (int i = 0; i < static_cast<int>(graph_.node(id).outputs.size()); ++i) {
        if (read.contains({id, i})) outputs.push_back({id, i});
      }
    }
    return outputs;
  }

  /// A unit is a subgraph (its number) or a node outside (number of subgraphs + its rank).
  int unit_of(NodeId id, const std::vector<int>& rank) const {
    const int subgraph = subgraph_of(id);
    return subgraph >= 0 ? subgraph : static_cast<int>(partition_.subgraphs.size()) + rank[index(id)];
  }

  /// Kahn's algorithm over the contracted graph, always taking the ready unit whose first node comes first.
  std::vector<int> contracted_order() const {
    std::vector<int> rank(unit_.size(), -1);
    for (std::size_t i = 0; i < order_.size(); ++i) rank[index(order_[i])] = static_cast<int>(i);
    std::map<int, std::set<int>> users;
    std::map<int, int> waiting, first;
    for (const NodeId id : order_) {
      const int unit = unit_of(id, rank);
      waiting.try_emplace(unit, 0);
      first.try_emplace(unit, rank[index(id)]);
      for (const Value input : graph_.node(id).inputs) {
        const int producer = unit_of(input.node, rank);
        if (producer != unit && users[producer].insert(unit).second) ++waiting[unit];
      }
    }
    const auto later = [&](int a, int b) { return first.at(a) > first.at(b); };
    std::priority_queue<int, std::vector<int>, decltype(later)> ready(later);
    for (const auto& [unit, count] : waiting) {
      if (count == 0) ready.push(unit);
    }
    std::vector<int> order;
    while (!ready.empty()) {
      const int unit = ready.top();
      ready.pop();
      order.push_back(unit);
      for (const int user : users[unit]) {
        if (--waiting[user] == 0) ready.push(user);
      }
    }
    if (order.size() != waiting.size()) fail(ErrorCode::internal, "the subgraphs depend on each other in a cycle");
    return order;
  }

  void place(int unit) {
    const int subgraphs = static_cast<int>(partition_.subgraphs.size());
    if (unit >= subgraphs) {
      place_node(order_[static_cast<std::size_t>(unit - subgraphs)]);
    } else {
      place_engine(unit);
    }
  }

  void place_node(NodeId id) {
    Node node = graph_.node(id);
    for (Value& input : node.inputs) input = placed_.at(input);
    const NodeId copy = result_.adopt(std::move(node));
    for (int i = 0; i < static_cast<int>(graph_.node(id).outputs.size()); ++i) placed_[{id, i}] = {copy, i};
  }

  void place_engine(int subgraph) {
    Engine& engine = engines_[static_cast<std::size_t>(subgraph)];
    std::vector<Value> inputs;
    for (const Value input : engine.inputs) inputs.push_back(placed_.at(input));
    const NodeId id = result_.add(
        engine_op(), fmt::format("engine{}", subgraph), std::move(inputs),
        {{"num_inputs", std::to_string(engine.inputs.size())}, {"num_outputs", std::to_string(engine.outputs.size())}});
    Node& node = result_.node(id);
    for (std::size_t i = 0; i < engine.outputs.size(); ++i) {
      node.outputs[i] = graph_.type(engine.outputs[i]);
      placed_[engine.outputs[i]] = {id, static_cast<int>(i)};
    }
    node.body = std::make_shared<const Graph>(std::move(engine.body));
  }

  const Graph& graph_;
  const Partition& partition_;
  const Selector& selector_;
  const std::set<std::string>& parameters_;
  std::vector<NodeId> order_;
  std::vector<int> unit_;  // by node: its subgraph, or -1
  std::vector<Engine> engines_;
  Graph result_;
  std::map<Value, Value> placed_;  // original value -> value of result_
};

}  // namespace

const Op& engine_op() {
  static const Op op = make_engine_op();
  return op;
}

Graph replace_subgraphs(const Graph& graph, const Partition& partition, const Selector& selector,
                        const std::set<std::string>& parameters) {
  return Replacer(graph, partition, selector, parameters).replace();
}

}  // namespace tenon
