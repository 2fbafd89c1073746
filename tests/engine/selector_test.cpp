// What Tenon's own selector takes is what the passes lower, and a refusal says why not in the rule's words.

#include "engine/selector.h"

#include <gmock/gmock.h>

#include "backends/cpu/engine.h"
#include "ops/registry.h"
#include "partition/carve.h"
#include "passes/lowering.h"
#include "passes/passes.h"
#include "support/bodies.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::HasSubstr;

struct Case {
  std::string text;  ///< `%y = …`
  std::map<std::string, TensorType> variables;
  std::vector<std::string> constants = {};  ///< variables that have a value
};

TensorType floats_of(const Shape& shape) {
  return {shape, DType::float32};
}

Graph graph_of(const Case& entry) {
  std::string text;
  for (const auto& [name, type] : entry.variables) text += "%" + name + " = variable\n";
  Graph graph = parse_graph(text + entry.text + "\nreturn %y\n", ops());
  infer(graph, entry.variables);
  return graph;
}

Parameters parameters_of(const Case& entry) {
  Parameters parameters;
  for (const std::string& name : entry.constants) {
    const TensorType& type = entry.variables.at(name);
    parameters[name] = tensor(type.shape, std::vector<double>(static_cast<std::size_t>(type.shape.elements()), 0.5));
  }
  return parameters;
}

std::shared_ptr<const Selector> selector() {
  static const auto made = tenon_selector(std::make_shared<const Backend>(cpu::accelerated_backend()));
  return made;
}

Verdict verdict(const Case& entry) {
  const Graph graph = graph_of(entry);
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (graph.node(id).name == "y") return selector()->select(graph, graph.node(id), parameters_of(entry));
  }
  return Verdict::refuse("test", "there is no node y");
}

void expect_refused(const Case& entry, const std::string& rule, const std::string& reason) {
  const Verdict answer = verdict(entry);
  EXPECT_FALSE(answer.taken) << entry.text;
  EXPECT_EQ(answer.rule, rule) << entry.text << ": " << answer.reason;
  EXPECT_THAT(answer.reason, HasSubstr(reason)) << entry.text;
}

const TensorType kMap = floats_of({2, 128, 8, 8});

TEST(TenonSelector, TakesWhatTheRulesLower) {
  const std::vector<Case> cases = {
      {"%y = add_n(%a, %b, %c) {num_args=3}", {{"a", kMap}, {"b", kMap}, {"c", kMap}}},
      {"%y = _maximum(%a, %b)", {{"a", kMap}, {"b", kMap}}},
      {"%y = hard_sigmoid(%a)", {{"a", kMap}}},
      {"%y = reciprocal(%a)", {{"a", kMap}}},
      {"%y = _power_scalar(%a) {scalar=2}", {{"a", kMap}}},
      {"%y = _npx_relu(%a)", {{"a", kMap}}},
      {"%y = amp_cast(%a) {dtype=float32}", {{"a", kMap}}},
      {"%y = LeakyReLU(%a, %slope) {act_type=prelu}", {{"a", kMap}, {"slope", floats_of({128})}}},
      {"%y = LeakyReLU(%a, %slope) {act_type=prelu}", {{"a", kMap}, {"slope", floats_of({1})}}, {"slope"}},
      {"%y = LeakyReLU(%a, %slope) {act_type=prelu}", {{"a", kMap}, {"slope", floats_of({1})}}},  // as it is
      {"%y = broadcast_add(%a, %one)", {{"a", kMap}, {"one", floats_of({1})}}, {"one"}},
      {"%y = MakeLoss(%a)", {{"a", kMap}}},
  };
  for (const Case& entry : cases) EXPECT_TRUE(verdict(entry).taken) << entry.text << ": " << verdict(entry).reason;
}

TEST(TenonSelector, RefusesInTheRulesWordsWithNodeRuleAndNumbers) {
  expect_refused({"%y = broadcast_add(%a, %b)", {{"a", kMap}, {"b", floats_of({2, 1, 8, 1})}}}, "form",
                 "broadcast_add: 'b' of shape (2,1,8,1) is stretched to (2,128,8,8) along several axes");
  expect_refused({"%y = _power_scalar(%a) {scalar=3}", {{"a", kMap}}}, "form",
                 "_power_scalar scalar=3, neither 2, 0.5, -0.5 nor -1");
  expect_refused({"%y = Pooling(%a) {kernel=(2, 2), pool_type=max, layout=NHWC}", {{"a", floats_of({2, 8, 8, 16})}}},
                 "form", "Pooling layout=NHWC, with the channels last");
  expect_refused({"%y = sqrt(%a)", {{"a", {{2, 3}, DType::float64}}}}, "type",
                 "sqrt computes with float32, and 'a' is float64");
  expect_refused({"%y = relu(%a)", {{"a", floats_of({0, 3})}}}, "empty", "'a' has shape (0,3)");
  expect_refused({"%y = topk(%a)", {{"a", kMap}}}, "operator",
                 "topk of (2,128,8,8) to (2,128,8,1): the backend 'cpu' has nothing faster for it");
}

/// Every node that is taken alone because a rule lowers it is lowered in the body, too.
void expect_one_truth(const Graph& graph, const Parameters& parameters) {
  std::set<std::string> lowered_alone;
  for (const NodeId id : graph.topological_order()) {
    const Node& node = graph.node(id);
    if (node.is_variable()) continue;
    const auto why_not = why_not_lowered(graph, node, parameters);
    if (why_not && why_not->empty()) lowered_alone.insert(node.name);
  }
  Body body(graph, parameters);
  remove_identities(body);
  lower(body);
  for (const NodeId id : body.graph.topological_order()) {
    const Node& node = body.graph.node(id);
    if (!lowered_alone.contains(node.name)) continue;
    EXPECT_TRUE(is_primitive(node)) << node.name << " is still " << node.op_name();
  }
  EXPECT_FALSE(lowered_alone.empty());
}

TEST(TenonSelector, WhatIsTakenAloneIsLoweredInTheBody) {
  for (const char* network : {"resnet18_v2", "mobilenetv2_0.25", "densenet121", "squeezenet1.1", "inceptionv3"}) {
    SCOPED_TRACE(network);
    const Model model = Model::zoo(network, 0);
    Graph graph = model.graph();
    std::map<std::string, TensorType> known;
    for (const auto& [name, value] : model.parameters()) known[name] = {value.shape(), value.dtype()};
    known["data"] = {Model::zoo_input(network), DType::float32};
    infer(graph, known);
    expect_one_truth(graph, model.parameters());
  }
}

}  // namespace
}  // namespace tenon
