#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tenon/model.h>

#include "graph/graph.h"

namespace tenon {

struct ProgramRecord;

/// What was decided for one operator of a program.
struct StepRecord {
  std::string node;
  std::string implementation;         ///< its name, without the variant
  std::string variant;                ///< which of its kernels, as StepPlan has it
  std::vector<std::string> refusals;  ///< as StepInfo has them
  std::vector<std::string> covers;
  std::shared_ptr<const ProgramRecord> body;  ///< of a node that stands for a body
};

/// How a program was built: enough to build it again without passes, choices and packing.
struct ProgramRecord {
  Graph graph;                      ///< as the passes left it, every type known
  std::vector<std::string> inputs;  ///< of a body: its variables in the order of the node's inputs
  Parameters constants;             ///< of a body: the values of the others
  std::vector<StepRecord> steps;    ///< one an operator, in topological order
};

}  // namespace tenon
