#pragma once

#include <string_view>

#include "graph/graph.h"

namespace tenon::conformance {

/// A symbol as MXNet 1.x writes it.
Graph read_symbol(std::string_view json);

}  // namespace tenon::conformance
