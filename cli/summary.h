#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tenon/model.h>

#include "graph/graph.h"

namespace tenon::cli {

/// One operator of a network, for people.
struct Layer {
  std::string name, op;
  TensorType output;                       ///< the first; unknown where it does not follow
  std::optional<std::int64_t> parameters;  ///< elements first used here; empty where a shape is unknown
  std::optional<std::int64_t> macs;        ///< multiply-adds; empty where a shape is unknown
  std::vector<std::string> previous;       ///< names of the nodes and inputs it reads, parameters left out
};

struct Summary {
  std::vector<Layer> layers;
  std::int64_t arguments = 0, auxiliary = 0;  ///< elements of the parameters
  std::int64_t macs = 0;
  bool complete = true;  ///< every shape was known
};

/// Operators in order of execution. `graph` has been inferred as far as possible; `inputs` are the variables that are
/// fed.
Summary summarise(const Graph& graph, const std::vector<std::string>& inputs);

}  // namespace tenon::cli
