// Candidates run in turns, so that a busy machine disturbs all alike, and the least time of each counts. Those that are
// far behind after two rounds are left out of the others.

#include "engine/tuner.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "core/processor.h"
#include "core/threads.h"
#include "graph/graph.h"

namespace tenon {
namespace {

constexpr std::size_t kMostTraffic = std::size_t{64} << 20;  // what the caches of a processor hold at most
constexpr double kNoise = 0.97;                              // of the first candidate's time: another must be below
constexpr double kFarBehind = 1.5;                           // times the best
constexpr int kFewRounds = 2;

/// An operand of a trial as a step finds it: at an address, in a format that may have to be changed.
struct Trial {
  std::vector<std::shared_ptr<std::byte>> memory;
  std::vector<Kernel> reorders;
  std::vector<std::pair<const void*, void*>> reordered;
  std::vector<std::byte*> reorder_workspaces;
  std::vector<const void*> src;
  std::vector<void*> dst;
  std::byte* workspace = nullptr;
  const Kernel* kernel = nullptr;

  void run() const {
    for (std::size_t i = 0; i < reorders.size(); ++i) {
      reorders[i].run({{&reordered[i].first, 1}, {&reordered[i].second, 1}, reorder_workspaces[i]});
    }
    if (kernel->run) kernel->run({src, dst, workspace});
  }
};

/// Small numbers: no kernel's time should depend on them, but for those that slow down near zero.
void fill(std::byte* memory, std::size_t bytes) {
  auto* values = reinterpret_cast<float*>(memory);
  for (std::size_t i = 0; i < bytes / sizeof(float); ++i) values[i] = static_cast<float>(i % 7 + 1) * 0.125f;
}

Trial trial_of(const StepRequest& request, const StepPlan& plan) {
  Trial trial;
  trial.kernel = &plan.kernel;
  const auto allocate = [&](std::size_t bytes) {
    return trial.memory.emplace_back(request.memory.allocate(std::max<std::size_t>(bytes, 64))).get();
  };
  const auto format_of = [](const std::vector<MemoryFormat>& formats, std::size_t i) {
    return formats.empty() ? MemoryFormat{} : formats[i];
  };
  const OpCall& call = request.call;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (std::ranges::find(plan.absorbed, static_cast<int>(i)) != plan.absorbed.end()) {
      trial.src.push_back(nullptr);
      continue;
    }
    const MemoryFormat is = request.src[i], wanted = format_of(plan.src, i);
    const void* at = request.constant[i] != nullptr ? request.constant[i]->data() : nullptr;
    if (at == nullptr) {
      const std::size_t bytes = padded_bytes(call.inputs[i], is);
      std::byte* made = allocate(bytes);
      fill(made, bytes);
      at = made;
    }
    if (is != wanted) {
      void* to = allocate(padded_bytes(call.inputs[i], wanted));
      trial.reorders.push_back(request.backend->reorder(call.inputs[i], is, wanted));
      trial.reorder_workspaces.push_back(allocate(trial.reorders.back().workspace_bytes));
      trial.reordered.emplace_back(at, to);
      at = to;
    }
    trial.src.push_back(at);
  }
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    trial.dst.push_back(request.read[i] ? allocate(padded_bytes(call.outputs[i], format_of(plan.dst, i))) : nullptr);
  }
  trial.workspace = allocate(plan.kernel.workspace_bytes);
  return trial;
}

}  // namespace

Effort parse_effort(std::string_view word) {
  if (word == "off") return Effort::off;
  if (word == "fast") return Effort::fast;
  if (word == "full") return Effort::full;
  fail(ErrorCode::invalid_argument, "there is no way to tune '{}'; choose off, fast or full", word);
}

Tuner::Tuner(Options options, TimingCache& cache) : options_(std::move(options)), cache_(cache) {}

/// Everything that decides which candidate is the fastest.
std::string Tuner::problem_of(const StepRequest& request, Effort effort) const {
  const OpCall& call = request.call;
  std::string text =
      fmt::format("{}\n{}\n{} threads, {} MB between runs, {}\n{}", processor_name(), request.backend->identity,
                  current_threads(), std::min(options_.traffic_bytes, kMostTraffic) >> 20,
                  effort == Effort::full ? "full" : "fast", call.node.op_name());
  for (const auto& [name, value] : call.node.written) text += fmt::format(" {}={}", name, value);
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    text += fmt::format("\nfrom {} {} in blocks of {} {} {}", name(*call.inputs[i].dtype), call.inputs[i].shape.str(),
                        request.src[i].block, request.src[i].stored ? name(*request.src[i].stored) : "",
                        request.constant[i] != nullptr ? "constant" : "");
  }
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    text += fmt::format("\nto {} {}{}", name(*call.outputs[i].dtype), call.outputs[i].shape.str(),
                        request.read[i] ? "" : ", not read");
  }
  for (const Implementation& implementation : request.backend->implementations) {
    const bool asked = std::ranges::find(implementation.ops, call.node.op_name()) != implementation.ops.end();
    if (asked) text += "\nby " + implementation.name;
  }
  return text;
}

bool Tuner::over() const {
  return stopped_ || std::chrono::duration<double>(spent_).count() > options_.seconds;
}

std::vector<Timing> Tuner::known(const StepRequest& request) {
  // What was measured longer serves too.
  auto found = cache_.find(problem_of(request, Effort::full));
  if (!found && options_.effort == Effort::fast) found = cache_.find(problem_of(request, Effort::fast));
  return found.value_or(std::vector<Timing>{});
}

void Tuner::report(const std::string& node) {
  ++done_;
  if (stopped_ || !options_.progress) return;
  stopped_ = !options_.progress({done_, std::max(done_, total_), node});
}

void Tuner::read_traffic() {
  if (traffic_.empty()) traffic_.resize(std::min(options_.traffic_bytes, kMostTraffic) / sizeof(float) + 1, 1.0f);
  const auto count = static_cast<std::int64_t>(traffic_.size());
  float* values = traffic_.data();
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; i += 16) values[i] += 1.0f;  // a number a line of the cache
}

std::vector<Timing> Tuner::measure(const StepRequest& request, std::vector<Candidate>& candidates) {
  if (over()) return {};
  const auto begin = Clock::now();
  std::vector<Trial> trials;
  std::vector<Timing> timings;
  for (const Candidate& candidate : candidates) {
    trials.push_back(trial_of(request, candidate.plan));
    timings.push_back({candidate.implementation, std::numeric_limits<double>::infinity()});
  }
  const int rounds = options_.effort == Effort::full ? 20 : 5;
  for (int round = 0; round <= rounds; ++round) {  // the first warms up
    const double best = std::ranges::min(timings, {}, &Timing::ms).ms;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      if (round > kFewRounds && timings[i].ms > kFarBehind * best) continue;
      read_traffic();
      const auto start = Clock::now();
      trials[i].run();
      const std::chrono::duration<double, std::milli> time = Clock::now() - start;
      if (round > 0) timings[i].ms = std::min(timings[i].ms, time.count());
    }
    const std::chrono::duration<double> spent = spent_ + (Clock::now() - begin);
    if (round >= kFewRounds && spent.count() > options_.seconds) break;
  }
  spent_ += Clock::now() - begin;

  const double first = timings[0].ms;
  const auto best = std::ranges::min_element(timings, {}, &Timing::ms);
  const Timing chosen = best->ms < kNoise * first ? *best : timings[0];
  std::ranges::stable_sort(timings, {}, &Timing::ms);
  std::erase(timings, chosen);
  timings.insert(timings.begin(), chosen);
  cache_.keep(problem_of(request, options_.effort), timings);
  return timings;
}

}  // namespace tenon
