#include "engine/profile.h"

#include <algorithm>
#include <numeric>

#include "core/threads.h"
#include "engine/portions.h"
#include "partition/replace.h"

namespace tenon {
namespace {

/// What runs its body once, on the step's own operands.
bool is_engine(const Step& step) {
  return step.body && step.info.op == engine_op().name;
}

bool is_portions(const Step& step) {
  return step.body && step.info.op == portions_op().name;
}

/// How often a portions node runs its body.
int portions_of(const Step& step) {
  const Graph& body = step.body->graph;
  return static_cast<int>(step.info.outputs[0].shape[0] / body.type(body.outputs[0]).shape[0]);
}

void append_steps(const Program& program, const std::string& engine, int portions, std::vector<StepInfo>& infos) {
  for (const Step& step : program.steps) {
    if (is_engine(step)) {
      append_steps(*step.body, step.info.node, portions, infos);
    } else if (is_portions(step)) {
      append_steps(*step.body, engine, portions * portions_of(step), infos);
    } else {
      infos.push_back(step.info);
      infos.back().engine = engine;
      infos.back().portions = portions;
    }
  }
}

/// The memory that a node's kernel runs the body in: its workspace is the arena, its operands are feeds and results.
struct InnerMemory {
  std::vector<const void*> feeds;
  std::vector<void*> results;
  std::byte* arena = nullptr;
  void* stream = nullptr;

  InnerMemory(const Step& step, const Program& program, const ProgramMemory& memory)
      : arena(step.workspace < 0 ? nullptr : buffer_address(program, memory, step.workspace)), stream(memory.stream) {
    for (const Place place : step.src) feeds.push_back(read_address(program, memory, place));
    for (const Place place : step.dst) results.push_back(write_address(program, memory, place));
  }
  ProgramMemory memory() const { return {arena, feeds, results, stream}; }
};

/// The addresses of what the body is fed among those of a portions node's inputs, of which variable i of the body is
/// the i-th: of its first portion.
std::vector<const void*> fed_addresses(const Program& body, const std::vector<const void*>& inputs) {
  std::vector<const void*> feeds;
  for (const NodeId feed : body.feeds) {
    std::size_t variable = 0;
    for (NodeId id = 0; id < feed; ++id) variable += body.graph.node(id).is_variable() ? 1 : 0;
    feeds.push_back(inputs[variable]);
  }
  return feeds;
}

void time_into(const Program& program, const ProgramMemory& memory, const StepTimer& timer, std::vector<double>& times);

/// The time of all portions, divided as the steps of the first portion divide theirs. (Threads run portions of their
/// own side by side, so that no step has a time of its own.)
void time_portions(const Step& step, const Program& program, const ProgramMemory& memory, const StepTimer& timer,
                   std::vector<double>& times) {
  const double all = timer([&] { run_step(program, step, memory); });
  InnerMemory inner(step, program, memory);
  inner.feeds = fed_addresses(*step.body, inner.feeds);
  const std::size_t first = times.size();
  {
    const ThreadScope scope(threads_for_portions(portions_of(step)) > 1 ? 1 : current_threads());
    time_into(*step.body, inner.memory(), timer, times);
  }
  const double sum = std::accumulate(times.begin() + static_cast<std::ptrdiff_t>(first), times.end(), 0.0);
  for (std::size_t i = first; i < times.size(); ++i) times[i] *= sum > 0 ? all / sum : 0;
}

void time_into(const Program& program, const ProgramMemory& memory, const StepTimer& timer,
               std::vector<double>& times) {
  for (const Step& step : program.steps) {
    if (is_engine(step)) {
      time_into(*step.body, InnerMemory(step, program, memory).memory(), timer, times);
    } else if (is_portions(step)) {
      time_portions(step, program, memory, timer, times);
    } else {
      times.push_back(timer([&] { run_step(program, step, memory); }));
    }
  }
}

}  // namespace

std::vector<StepInfo> step_infos(const Program& program) {
  std::vector<StepInfo> infos;
  append_steps(program, "", 1, infos);
  return infos;
}

std::vector<double> time_steps(const Program& program, const ProgramMemory& memory, const StepTimer& timer) {
  std::vector<double> times;
  time_into(program, memory, timer, times);
  return times;
}

}  // namespace tenon
