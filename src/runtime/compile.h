#pragma once

#include <string>
#include <vector>

#include <tenon/executor.h>

#include "engine/program.h"
#include "partition/carve.h"

namespace tenon {

/// A model made ready for shapes and a backend.
struct Compiled {
  Program program;
  std::vector<std::string> output_names;  ///< of the model; inside engine nodes they are gone
  Graph graph;                            ///< typed, before it was partitioned
  Partition partition;                    ///< empty for a backend without engine nodes
};

struct CompileOptions {
  bool portions = true;    ///< a backend that may take a batch in portions does
  Tuner* tuner = nullptr;  ///< as ProgramOptions has it
};

/// Throws Error, naming the node, when shapes contradict, cannot be inferred, or an operator cannot run.
Compiled compile(ParameterStore& store, const BindOptions& options, const Backend& backend,
                 const CompileOptions& how = {});

}  // namespace tenon
