#include "partition/carve.h"

#include <functional>
#include <random>

#include <gmock/gmock.h>

#include "partition/replace.h"

namespace tenon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// One, two or three inputs, one or two outputs, element-wise: all that carving looks at.
Op mix_op(int inputs, int outputs) {
  Op op;
  op.name = "mix" + std::to_string(inputs) + std::to_string(outputs);
  const std::vector<std::string> names{"a", "b", "c"};
  op.inputs = always({names.begin(), names.begin() + inputs});
  op.outputs = always({names.begin(), names.begin() + outputs});
  op.infer_shape = same_shape;
  return op;
}

const OpRegistry& mixes() {
  static const OpRegistry registry = [] {
    OpRegistry result;
    for (int inputs = 1; inputs <= 3; ++inputs) {
      for (int outputs = 1; outputs <= 2; ++outputs) result.add(mix_op(inputs, outputs));
    }
    return result;
  }();
  return registry;
}

/// Takes the nodes for which the function says so.
class Chooser : public Selector {
 public:
  explicit Chooser(std::function<bool(const Node&)> takes) : takes_(std::move(takes)) {}
  std::string_view name() const override { return "chooser"; }
  Verdict select(const Graph&, const Node& node, const Parameters&) const override {
    return takes_(node) ? Verdict::take() : Verdict::refuse("chooser", node.name + " is not chosen");
  }

 private:
  std::function<bool(const Node&)> takes_;
};

std::vector<std::vector<std::string>> names(const Graph& graph, const Partition& partition) {
  std::vector<std::vector<std::string>> result;
  for (const auto& subgraph : partition.subgraphs) {
    auto& group = result.emplace_back();
    for (const NodeId id : subgraph) group.push_back(graph.node(id).name);
  }
  return result;
}

Graph parse(std::string_view text) {
  return parse_graph(text, mixes());
}

bool takes_t(const Node& node) {
  return node.name.starts_with('t');
}

TEST(Carve, AChainBecomesOneSubgraph) {
  const Graph graph = parse("%x = variable\n%t1 = mix11(%x)\n%t2 = mix11(%t1)\n%o = mix11(%t2)\nreturn %o\n");
  const Partition partition = carve(graph, Chooser(takes_t));
  EXPECT_THAT(names(graph, partition), ElementsAre(ElementsAre("t1", "t2")));
  ASSERT_THAT(partition.refusals, SizeIs(1));
  EXPECT_EQ(partition.refusals[0].reason, "o is not chosen");
}

TEST(Carve, APathThroughTheOutsideSplits) {
  // t1 → o → t3 and t1 → t2 → t3: {t1, t2, t3} would wait for o, which waits for t1.
  const Graph graph =
      parse("%x = variable\n%t1 = mix11(%x)\n%o = mix11(%t1)\n%t2 = mix11(%t1)\n%t3 = mix21(%t2, %o)\nreturn %t3\n");
  const Partition partition = carve(graph, Chooser(takes_t), {.minimum_nodes = 1});
  EXPECT_THAT(names(graph, partition), ElementsAre(ElementsAre("t1", "t2"), ElementsAre("t3")));
}

TEST(Carve, TwoSubgraphsMayNotWaitForEachOther) {
  // Joining a and c, and b and d, would each be convex alone; together they would form a cycle of two engines.
  const Graph graph = parse(
      "%x = variable\n%ta = mix11(%x)\n%tb = mix11(%x)\n%p = mix11(%ta)\n%q = mix11(%tb)\n"
      "%td = mix21(%tb, %p)\n%tc = mix21(%ta, %q)\nreturn %tc, %td\n");
  const Partition partition = carve(graph, Chooser(takes_t), {.minimum_nodes = 1});
  EXPECT_NO_THROW(replace_subgraphs(graph, partition, Chooser(takes_t), {}));
}

TEST(Carve, SmallSubgraphsAreDroppedWithTheNumbers) {
  const Graph graph = parse("%x = variable\n%t1 = mix11(%x)\n%o = mix11(%t1)\nreturn %o\n");
  const Partition partition = carve(graph, Chooser(takes_t));
  EXPECT_THAT(partition.subgraphs, IsEmpty());
  ASSERT_THAT(partition.refusals, SizeIs(2));
  EXPECT_EQ(partition.refusals[0].rule, "minimum-nodes");
  EXPECT_THAT(partition.refusals[0].reason, testing::HasSubstr("1 of the 2 nodes"));
}

TEST(Replace, ParametersMoveInAndSharedOnesAreCopied) {
  const Graph graph = parse(
      "%x = variable\n%w = variable\n%t1 = mix21(%x, %w)\n%t2 = mix11(%t1)\n%o = mix21(%t2, %w)\nreturn %o, %t1\n");
  const Chooser selector(takes_t);
  const Graph outer = replace_subgraphs(graph, carve(graph, selector), selector, {"w"});
  EXPECT_EQ(to_text(outer),
            "%x = variable\n"
            "%engine0 = _tenon_engine(%x) {num_inputs=1, num_outputs=2}\n"
            "%w = variable\n"
            "%o = mix21(%engine0#1, %w)\n"
            "return %o, %engine0\n");
  EXPECT_EQ(to_text(*outer.node(1).body),
            "%x = variable\n%w = variable\n%t1 = mix21(%x, %w)\n%t2 = mix11(%t1)\nreturn %t1, %t2\n");
}

Graph random_graph(std::mt19937& random) {
  const auto below = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  Graph graph;
  std::vector<Value> values{{graph.add_variable("x"), 0}, {graph.add_variable("w"), 0}};
  const int nodes = 2 + below(40);
  for (int i = 0; i < nodes; ++i) {
    const int inputs = 1 + below(3), outputs = 1 + below(2);
    std::vector<Value> sources;
    // Mostly recent values, so that graphs are deep.
    for (int k = 0; k < inputs; ++k) {
      const int reach = std::min<int>(static_cast<int>(values.size()), 1 + below(8));
      sources.push_back(values[values.size() - 1 - static_cast<std::size_t>(below(reach))]);
    }
    const Op& op = *mixes().find("mix" + std::to_string(inputs) + std::to_string(outputs));
    const NodeId id = graph.add(op, (below(3) != 0 ? "t" : "o") + std::to_string(i), std::move(sources));
    for (int k = 0; k < outputs; ++k) values.push_back({id, k});
  }
  for (int i = 0; i < 3; ++i) graph.outputs.push_back(values[values.size() - 1 - static_cast<std::size_t>(i)]);
  graph.compact();
  return graph;
}

/// Whether `nodes` together with the other subgraphs, each contracted to a point, leave the graph acyclic.
bool contracts(const Graph& graph, Partition partition) {
  try {
    replace_subgraphs(graph, partition, Chooser(takes_t), {});
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool are_neighbours(const Graph& graph, const std::vector<NodeId>& a, const std::vector<NodeId>& b) {
  for (const NodeId id : b) {
    for (const Value input : graph.node(id).inputs) {
      if (std::find(a.begin(), a.end(), input.node) != a.end()) return true;
    }
  }
  return false;
}

TEST(Carve, RandomGraphsAreConvexDeterministicAndMaximal) {
  constexpr unsigned seed = 20260307;
  RecordProperty("seed", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    const Graph graph = random_graph(random);
    const Chooser selector(takes_t);
    const Partition partition = carve(graph, selector, {.minimum_nodes = 1});
    ASSERT_TRUE(contracts(graph, partition)) << "seed " << seed << ", round " << round << "\n" << to_text(graph);
    EXPECT_EQ(carve(graph, selector, {.minimum_nodes = 1}).subgraphs, partition.subgraphs);
    for (std::size_t a = 0; a < partition.subgraphs.size(); ++a) {
      for (std::size_t b = 0; b < partition.subgraphs.size(); ++b) {
        if (a == b || !are_neighbours(graph, partition.subgraphs[a], partition.subgraphs[b])) continue;
        Partition joined = partition;
        auto& into = joined.subgraphs[a];
        into.insert(into.end(), joined.subgraphs[b].begin(), joined.subgraphs[b].end());
        std::sort(into.begin(), into.end());
        joined.subgraphs.erase(joined.subgraphs.begin() + static_cast<std::ptrdiff_t>(b));
        EXPECT_FALSE(contracts(graph, joined))
            << "round " << round << ": subgraphs " << a << " and " << b << " could be one\n"
            << to_text(graph);
      }
    }
  }
}

TEST(Carve, AChainOfTenThousandNodesIsQuick) {
  Graph graph;
  Value value{graph.add_variable("x"), 0};
  for (int i = 0; i < 10000; ++i) value = {graph.add(*mixes().find("mix11"), "t" + std::to_string(i), {value}), 0};
  graph.outputs = {value};
  EXPECT_THAT(carve(graph, Chooser(takes_t)).subgraphs, ElementsAre(SizeIs(10000)));
}

}  // namespace
}  // namespace tenon
