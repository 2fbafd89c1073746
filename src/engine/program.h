#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/memory_plan.h"
#include "engine/record.h"
#include "graph/graph.h"

namespace tenon {

/// Where an operand lies: a planned buffer, the memory of an input, a parameter, the memory that the caller gives for
/// an output, or nowhere (a hidden output that nobody reads).
struct Place {
  enum class Kind { nowhere, buffer, feed, constant, result };
  Kind kind = Kind::nowhere;
  int index = 0;
};

/// An output of a node that a monitor may look at.
struct ShownOutput {
  std::string name;  ///< "conv0_output"
  int output = 0;
  Place place;
  MemoryFormat format;
};

struct Step {
  StepInfo info;
  NodeId node = -1;  ///< -1: a change of format between two nodes
  Kernel kernel;     ///< empty for a view
  std::vector<Place> src, dst;
  int workspace = -1;  ///< a buffer; -1: none
  std::vector<ShownOutput> shown;
  std::shared_ptr<const Program> body;  ///< of an engine node: what the kernel runs
};

/// A parameter of a program.
struct ConstantSource {
  NodeId variable;
  Hash identity;  ///< as the ParameterStore knows it
};

/// A graph made ready: a list of steps over planned buffers.
struct Program {
  Graph graph;  ///< every type known
  std::vector<NodeId> feeds;
  std::vector<std::string> inputs;  ///< of a body: its variables in the order of the node's inputs
  /// Those that steps read lie in the backend's memory; one of which only packed copies are read is empty.
  std::vector<Tensor> constants;
  std::vector<ConstantSource> sources;  ///< of each constant
  std::vector<Step> steps;
  std::vector<Buffer> buffers;
  std::vector<Place> outputs;  ///< row-major
  std::size_t arena_bytes = 0;
  std::size_t parameter_bytes = 0;                    ///< of parameters that steps read, packed copies included
  std::vector<std::shared_ptr<const Tensor>> packed;  ///< keeps the copies alive
};

struct ProgramOptions {
  /// Outputs are written to memory that the caller gives, in place of buffers of the arena.
  bool give_results = false;
  /// Which of the implementations that accept a primitive is taken; null: the first.
  Tuner* tuner = nullptr;
  /// What the user asked of the passes over bodies, beside the precision, which is the backend's; null: nothing.
  const PassOptions* passes = nullptr;
  /// Of a lowered graph, for reports.
  const Origins* origins = nullptr;
  /// How this program was built before: the same implementations are taken, and nobody else is asked.
  const ProgramRecord* record = nullptr;
};

/// One step an operator, each by the first implementation of the backend that accepts. The graph is typed and complete;
/// a variable that has a value among `parameters` is a constant, any other is fed. Throws Error, naming the node, where
/// no implementation accepts.
Program build_program(Graph graph, const Backend& backend, const Parameters& parameters, ParameterStore& store,
                      const ProgramOptions& options = {});

/// Parameters that the program keeps: packed copies, and those that steps read as they are.
std::vector<std::shared_ptr<const Tensor>> parameters_of(const Program& program);

}  // namespace tenon
