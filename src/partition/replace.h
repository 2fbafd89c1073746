#pragma once

#include <set>
#include <string>

#include "partition/carve.h"

namespace tenon {

/// The operator of an engine node. Its inputs are the values the subgraph reads from outside, each once, in order of
/// first use; its outputs are the inner values that somebody outside reads or that the graph returns, in topological
/// order.
const Op& engine_op();

/// The graph with every subgraph of the partition replaced by one engine node, whose `body` is the subgraph as a graph
/// of its own. The variables of the body are the absorbed parameters, under their own names, and one variable for each
/// input, in order, named after the value that feeds it (`conv0_output`). Only absorbed variables have names of
/// parameters.
///
///     data → conv0 → bn0 → relu0 → topk        becomes        data → engine0 → topk
///               ↖ w   ↖ gamma, beta, …                                └ body: conv0 → bn0 → relu0, w, gamma, beta, …
///
/// `parameters` holds the names of variables that have a value. A variable that is absorbed and used nowhere else
/// leaves the outer graph.
Graph replace_subgraphs(const Graph& graph, const Partition& partition, const Selector& selector,
                        const std::set<std::string>& parameters);

}  // namespace tenon
