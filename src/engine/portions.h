#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "engine/backend.h"
#include "graph/graph.h"

namespace tenon {

/// The operator of a portions node. It is an engine node whose body is typed for a part of the batch: it runs as often
/// as the parts make up the batch.
const Op& portions_op();

/// Lets the first operators of the graph take the batch in portions, each portion through all of them, where that saves
/// traffic: what they hand to each other then stays in the caches.
///
///     data → conv0 → relu0 → conv1 → … → fc0       becomes       data → portions0 → … → fc0
///     16 images each                                                       └ body: conv0 → relu0 → conv1, 1 image
///
/// Each portion reads the weights again. So the operators that follow, with much weight and little data, keep to the
/// whole batch; the cut is where the most bytes are saved. The graph comes back as it was where nothing is saved or an
/// operator early on mixes the images. `constants` are the variables that have a value; `cache_bytes` is how much of
/// what an operator reads and writes may lie in the caches.
Graph in_portions(const Graph& graph, const std::set<std::string>& constants, std::int64_t cache_bytes);
/// A good value for each thread.
std::int64_t portion_cache_bytes();

/// How many threads take portions of their own; one where they would not be busy alike: then all work on each portion.
int threads_for_portions(std::int64_t portions);

/// Takes portions nodes: compiles the body for the same backend, and runs it portion by portion; where there are enough
/// portions, each thread takes its own.
Implementation portions_implementation();

}  // namespace tenon
