#pragma once

#include <set>
#include <string>
#include <vector>

#include "partition/selector.h"

namespace tenon {

struct CarveOptions {
  /// Subgraphs of fewer operator nodes are dropped: their nodes run plain.
  int minimum_nodes = 2;
};

/// A node that stays outside every subgraph, and why.
struct Refusal {
  NodeId node;
  std::string rule;
  std::string reason;
};

/// Sets of nodes that are each to become one engine node, in topological order of their first members, and the record
/// of every node that is in none.
struct Partition {
  std::vector<std::vector<NodeId>> subgraphs;
  std::vector<Refusal> refusals;
};

/// Grows the nodes that the selector takes into subgraphs.
///
/// A subgraph is connected, and convex together with the others: contracting every subgraph to one node leaves the
/// graph acyclic, so that each can run once all its inputs are there. It is maximal: no two neighbouring subgraphs
/// could be joined without a cycle. The result depends on the graph alone, not on addresses or hashes. The selector
/// hears of `parameters`, the variables' known values.
Partition carve(const Graph& graph, const Selector& selector, const CarveOptions& options = {},
                const Parameters& parameters = {});

}  // namespace tenon
