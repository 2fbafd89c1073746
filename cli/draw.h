#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace tenon::cli {

/// A quoted string of the DOT language.
std::string quoted(const std::string& text);

/// The operators of a graph in the DOT language: a box each with name, operator and attributes, the shape on each
/// arrow; of the variables only `inputs`.
std::string to_dot(const Graph& graph, const std::vector<std::string>& inputs, const std::string& title);

/// The picture of a DOT text, laid out by the Graphviz library, which is opened for this call only. Throws
/// Error(unsupported) where it is not there.
std::string to_svg(const std::string& dot);

}  // namespace tenon::cli
