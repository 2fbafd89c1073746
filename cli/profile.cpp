#include "profile.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tenon/devices.h>

#include "backends/cpu/peak.h"
#include "measure.h"

namespace tenon::cli {
namespace {

constexpr int kForwards = 7;

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

}  // namespace

double Roofline::arithmetic_ms(const TimedStep& step) const {
  return operations_per_ms > 0 ? step.done_operations() / operations_per_ms : 0;
}

double Roofline::memory_ms(const TimedStep& step) const {
  return bytes_per_ms > 0 ? step.bytes() / bytes_per_ms : 0;
}

double Roofline::least_ms(const TimedStep& step) const {
  return std::max(arithmetic_ms(step), memory_ms(step));
}

Roofline roofline_of(const Device& device, const std::string& precision, int threads) {
  if (device.kind == Device::Kind::cuda) return gpu_roofline(device, precision);
  const cpu::Peak peak = cpu::measure_peak(threads);
  return {peak.operations_per_second / 1e3, peak.bytes_per_second / 1e3};
}

std::vector<TimedStep> profile(Session& executor, const Roofline& roofline) {
  executor.time_steps();  // warms up
  std::vector<std::vector<double>> runs;
  for (int i = 0; i < kForwards; ++i) runs.push_back(executor.time_steps());
  std::vector<TimedStep> steps;
  for (StepInfo& info : executor.steps()) {
    std::vector<double> times;
    for (const auto& run : runs) times.push_back(run[steps.size()]);
    TimedStep step{std::move(info), quantile(times, 0), 0};
    if (step.ms > 0) step.of_peak = roofline.least_ms(step) / step.ms;
    steps.push_back(std::move(step));
  }
  return steps;
}

double total_ms(const std::vector<TimedStep>& steps) {
  double sum = 0;
  for (const TimedStep& step : steps) sum += step.ms;
  return sum;
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

}  // namespace tenon::cli
