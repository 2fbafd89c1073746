#include "profile.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tenon/devices.h>

#include "backends/cpu/peak.h"
#include "measure.h"

namespace tenon::cli {
namespace {

constexpr int kForwards = 7;

bool is_copy(const TimedStep& step) {
  return step.info.covers.empty();
}

/// The least times that the machine's arithmetic and memory allow.
struct LeastTimes {
  double arithmetic_ms = 0, memory_ms = 0;
};
LeastTimes least_times(const TimedStep& step, const Roofline& roofline) {
  if (roofline.bytes_per_ms <= 0 || roofline.operations_per_ms <= 0) return {};
  return {step.done_operations() / roofline.operations_per_ms, step.bytes() / roofline.bytes_per_ms};
}

bool is_bound_by_memory(const TimedStep& step, const Roofline& roofline) {
  const LeastTimes least = least_times(step, roofline);
  return least.memory_ms > least.arithmetic_ms;
}

Roofline gpu_roofline(const Device& device, const std::string& precision) {
  for (const DeviceInfo& info : list_devices().devices) {
    if (!(info.device == device)) continue;
    const auto operations = [&](const std::string& name) {
      const auto found = info.operations_per_second.find(name);
      return found == info.operations_per_second.end() ? 0 : found->second;
    };
    // The engine's fp32 is three products in TF32, where that is faster than ordinary multiplications.
    const double most =
        precision == "fp32" ? std::max(operations("fp32"), operations("tf32") / 3) : operations(precision);
    return {most / 1e3, info.bytes_per_second / 1e3};
  }
  return {};
}

double sum_if(const std::vector<TimedStep>& steps, const auto& condition) {
  double sum = 0;
  for (const TimedStep& step : steps) sum += condition(step) ? step.ms : 0;
  return sum;
}

}  // namespace

Roofline roofline_of(const Device& device, const std::string& precision, int threads) {
  if (device.kind == Device::Kind::cuda) return gpu_roofline(device, precision);
  const cpu::Peak peak = cpu::measure_peak(threads);
  return {peak.operations_per_second / 1e3, peak.bytes_per_second / 1e3};
}

std::vector<TimedStep> profile(Executor& executor, const Roofline& roofline) {
  executor.time_steps();  // warms up
  std::vector<std::vector<double>> runs;
  for (int i = 0; i < kForwards; ++i) runs.push_back(executor.time_steps());
  std::vector<TimedStep> steps;
  for (StepInfo& info : executor.steps()) {
    std::vector<double> times;
    for (const auto& run : runs) times.push_back(run[steps.size()]);
    TimedStep step{std::move(info), quantile(times, 0.5), 0};
    const LeastTimes least = least_times(step, roofline);
    if (step.ms > 0) step.of_peak = std::max(least.arithmetic_ms, least.memory_ms) / step.ms;
    steps.push_back(std::move(step));
  }
  return steps;
}

double total_ms(const std::vector<TimedStep>& steps) {
  return sum_if(steps, [](const TimedStep&) { return true; });
}

std::string covered(const StepInfo& info) {
  constexpr std::size_t few = 4;
  if (info.covers.empty()) return info.node;
  if (info.covers.size() <= few) return fmt::format("{}", fmt::join(info.covers, " + "));
  return fmt::format("{} + … + {} ({} nodes)", info.covers.front(), info.covers.back(), info.covers.size());
}

Json chrome_trace(const std::vector<TimedStep>& steps, const std::string& title) {
  Json events = Json::array();
  std::map<std::string, int> rows{{"", 0}};
  double at = 0;
  for (const TimedStep& step : steps) {
    const int row = rows.try_emplace(step.info.engine, static_cast<int>(rows.size())).first->second;
    events.push_back({{"name", covered(step.info)},
                      {"cat", step.info.op.empty() ? "layout" : step.info.op},
                      {"ph", "X"},
                      {"ts", at},
                      {"dur", step.ms * 1e3},
                      {"pid", 1},
                      {"tid", row},
                      {"args",
                       {{"implementation", step.info.implementation},
                        {"operations", step.operations()},
                        {"done_operations", step.done_operations()},
                        {"bytes", step.bytes()},
                        {"of_peak", step.of_peak}}}});
    at += step.ms * 1e3;
  }
  events.push_back({{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", title}}}});
  for (const auto& [engine, row] : rows) {
    const std::string name = engine.empty() ? "plain steps" : engine;
    events.push_back({{"name", "thread_name"}, {"ph", "M"}, {"pid", 1}, {"tid", row}, {"args", {{"name", name}}}});
  }
  return {{"traceEvents", events}, {"displayTimeUnit", "ms"}};
}

std::vector<std::string> diagnosis(const std::vector<TimedStep>& steps, const std::vector<RefusedNode>& refused,
                                   const Roofline& roofline, int threads, int cores) {
  std::vector<std::string> sentences;
  const double all = std::max(total_ms(steps), 1e-9);
  const auto percent = [&](double ms) { return 100 * ms / all; };

  std::size_t nodes = 0, taken = 0;
  for (const TimedStep& step : steps) {
    nodes += step.info.covers.size();
    taken += step.info.engine.empty() ? 0 : step.info.covers.size();
  }
  const double taken_ms = sum_if(steps, [](const TimedStep& step) { return !step.info.engine.empty(); });
  sentences.push_back(
      fmt::format("the engine took {} of {} nodes, with {:.0f} % of the time", taken, nodes, percent(taken_ms)));

  std::map<std::string, double> cost_of;  // by node
  for (const TimedStep& step : steps) {
    if (step.info.engine.empty()) cost_of[step.info.node] += step.ms;
  }
  const RefusedNode* costliest = nullptr;
  for (const RefusedNode& node : refused) {
    if (costliest == nullptr || cost_of[node.node] > cost_of[costliest->node]) costliest = &node;
  }
  if (costliest != nullptr) {
    sentences.push_back(fmt::format("the costliest refusal, {:.0f} % of the time, is '{}' ({}): {}",
                                    percent(cost_of[costliest->node]), costliest->node, costliest->op,
                                    costliest->reason));
  }

  const auto longest = std::ranges::max_element(steps, {}, &TimedStep::ms);
  if (longest != steps.end() && longest->ms > 0.3 * all) {
    sentences.push_back(fmt::format("one step has {:.0f} % of the time: {} by {}, at {:.0f} % of this machine's peak",
                                    percent(longest->ms), covered(longest->info), longest->info.implementation,
                                    100 * longest->of_peak));
  }
  const double copies = sum_if(steps, is_copy);
  if (copies > 0.1 * all)
    sentences.push_back(fmt::format("copies between layouts have {:.0f} % of it", percent(copies)));
  const double memory = sum_if(steps, [&](const TimedStep& step) { return is_bound_by_memory(step, roofline); });
  if (memory > 0.5 * all) {
    sentences.push_back(
        fmt::format("{:.0f} % of it is in steps that wait for memory, not for arithmetic", percent(memory)));
  }
  if (threads < cores) sentences.push_back(fmt::format("it runs on {} of the {} cores it may use", threads, cores));
  return sentences;
}

}  // namespace tenon::cli
