#include "step_times.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "engine/run.h"

namespace tenon::cli {
namespace {

std::shared_ptr<std::byte> zeros(const std::shared_ptr<DeviceMemory>& memory, std::size_t bytes) {
  auto made = memory->allocate(bytes + 64);
  std::memset(made.get(), 0, bytes + 64);
  return made;
}

}  // namespace

std::vector<double> step_times(const Program& program, int runs) {
  const auto memory = host_memory();
  std::vector<std::shared_ptr<std::byte>> held;
  const auto zeroed = [&](const TensorType& type) {
    return held.emplace_back(zeros(memory, padded_bytes(type, {}))).get();
  };
  std::vector<const void*> feeds;
  for (const NodeId feed : program.feeds) feeds.push_back(zeroed(program.graph.node(feed).outputs[0]));
  std::vector<void*> results;
  for (const Value output : program.graph.outputs) results.push_back(zeroed(program.graph.type(output)));
  const auto arena = zeros(memory, program.arena_bytes);
  const ProgramMemory place{arena.get(), feeds, results};

  std::vector<double> best(program.steps.size(), std::numeric_limits<double>::infinity());
  for (int i = 0; i <= runs; ++i) {
    for (std::size_t step = 0; step < program.steps.size(); ++step) {
      const auto start = std::chrono::steady_clock::now();
      run_step(program, program.steps[step], place);
      const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
      if (i > 0) best[step] = std::min(best[step], time.count());
    }
  }
  return best;
}

}  // namespace tenon::cli
