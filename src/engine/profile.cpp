#include "engine/profile.h"

#include "partition/replace.h"

namespace tenon {
namespace {

/// What runs its body once, on the step's own operands. (A portions node runs it once a portion: it counts as one
/// step.)
bool is_engine(const Step& step) {
  return step.body && step.info.op == engine_op().name;
}

void append_steps(const Program& program, const std::string& engine, std::vector<StepInfo>& infos) {
  for (const Step& step : program.steps) {
    if (is_engine(step)) {
      append_steps(*step.body, step.info.node, infos);
    } else {
      infos.push_back(step.info);
      infos.back().engine = engine;
    }
  }
}

void time_into(const Program& program, const ProgramMemory& memory, const StepTimer& timer,
               std::vector<double>& times) {
  for (const Step& step : program.steps) {
    if (is_engine(step)) {
      // As the engine node's kernel does: the workspace is the arena, operands are feeds and results.
      std::vector<const void*> feeds;
      std::vector<void*> results;
      for (const Place place : step.src) feeds.push_back(read_address(program, memory, place));
      for (const Place place : step.dst) results.push_back(write_address(program, memory, place));
      std::byte* arena = step.workspace < 0 ? nullptr : buffer_address(program, memory, step.workspace);
      time_into(*step.body, {arena, feeds, results, memory.stream}, timer, times);
      continue;
    }
    times.push_back(timer([&] { run_step(program, step, memory); }));
  }
}

}  // namespace

std::vector<StepInfo> step_infos(const Program& program) {
  std::vector<StepInfo> infos;
  append_steps(program, "", infos);
  return infos;
}

std::vector<double> time_steps(const Program& program, const ProgramMemory& memory, const StepTimer& timer) {
  std::vector<double> times;
  time_into(program, memory, timer, times);
  return times;
}

}  // namespace tenon
