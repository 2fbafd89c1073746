#pragma once

#include <cstdint>

#include <tenon/model.h>

#include "graph/graph.h"

namespace tenon::zoo {

/// The text of `__init__` that Gluon's VGG writes: normal, variance 2 / fan-out.
inline constexpr std::string_view xavier_out =
    R"(["xavier", {"rnd_type": "gaussian", "factor_type": "out", "magnitude": 2}])";

/// A parameter for every variable of the graph but `data`, whose shapes must be known. What the networks ask for
/// (`__init__`) is honoured: zeros, ones, normal (deviation 0.01), xavier_out. Where they leave it to `initialize()`,
/// weights are uniform with variance 1 / fan-in: MXNet's Xavier(rnd_type="uniform", factor_type="in", magnitude=3),
/// which keeps the activations of all 34 networks in a sane range.
///
/// Element i depends on seed, name and i alone, through integers and one multiplication: the same on every machine.
Parameters initialize(const Graph& graph, std::uint64_t seed);

}  // namespace tenon::zoo
