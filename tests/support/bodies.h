#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "graph/graph.h"
#include "passes/body.h"
#include "passes/primitives.h"
#include "support/evaluate.h"

namespace tenon {

/// A graph in text form whose variables have types; those of the other values follow.
inline Graph typed_graph(std::string_view text) {
  Graph graph = parse_graph(text, body_ops());
  std::map<std::string, TensorType> known;
  for (const NodeId id : graph.topological_order()) {
    if (graph.node(id).is_variable()) known[graph.node(id).name] = graph.type({id, 0});
  }
  infer(graph, known);
  return graph;
}

/// Runs the pass on `before` and compares the graph, types and all, with `expected`; then both compute the same of
/// `inputs` and `parameters`. Gives the body.
template <class Pass>
Body expect_rewrite(Pass pass, std::string_view before, std::string_view expected, const Parameters& parameters,
                    const std::map<std::string, Tensor>& inputs, double tolerance = 1e-6) {
  const Graph graph = typed_graph(before);
  Body body(graph, parameters);
  std::map<std::string, Tensor> feeds = inputs;
  feeds.insert(parameters.begin(), parameters.end());
  const std::vector<Tensor> wanted = evaluate(graph, feeds);
  pass(body);
  verify(body);
  EXPECT_EQ(to_text(body.graph), to_text(typed_graph(expected)));
  std::map<std::string, Tensor> rest = body.parameters;
  for (const auto& [name, value] : inputs) {
    if (body.graph.find_variable(name) >= 0) rest.emplace(name, value);
  }
  const std::vector<Tensor> results = evaluate(body.graph, rest);
  EXPECT_EQ(results.size(), wanted.size());
  for (std::size_t i = 0; i < std::min(results.size(), wanted.size()); ++i) {
    const Tensor wide = wanted[i].astype(DType::float64);
    expect_tensor(results[i], wide.shape(), {wide.data<double>(), wide.data<double>() + wide.elements()}, tolerance);
  }
  return body;
}

}  // namespace tenon
