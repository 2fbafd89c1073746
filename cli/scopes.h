#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace tenon::cli {

/// Operators whose names begin alike: "resnetv20_stage1" of "resnetv20_stage1_conv0_fwd", "resnetv20_stage1_conv1_fwd".
struct Scope {
  std::string name;
  std::vector<NodeId> nodes;  ///< two or more, in topological order
};

/// The parts that the names divide a graph into, as coarse as they come, but none with more than a third of all
/// operators where its names divide it further. An operator whose name stands alone is in no scope.
std::vector<Scope> scopes_of(const Graph& graph);

}  // namespace tenon::cli
