#pragma once

#include <string>
#include <string_view>

#include "graph/graph.h"

namespace tenon {

/// Parses a `-symbol.json` of any MXNet age (0.8 to 1.9): old files are upgraded as MXNet upgrades them, operator
/// aliases resolved, missing inputs and auxiliary states appended. The graph's nodes are in MXNet's order; what the
/// heads do not need is left out. Throws Error: damaged JSON by position, bad nodes by name, all unknown operators at
/// once.
Graph load_symbol(std::string_view json, const OpRegistry& registry);

/// The graph as MXNet 1.9 writes it, byte for byte.
std::string save_symbol(const Graph& graph);

}  // namespace tenon
