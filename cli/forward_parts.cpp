#include "forward_parts.h"

#include <chrono>

#include <fmt/format.h>

#include "measure.h"

namespace tenon::cli {
namespace {

constexpr int kFewest = 10, kInARow = 20;

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

ForwardWay measure_way(Session& executor, const std::map<std::string, Tensor>& copied, double seconds) {
  std::vector<double> total, copy, launch, wait;
  const auto start = Clock::now();
  // The first forwards are not counted: the second is recorded.
  for (int i = -3; i < kFewest || milliseconds(start, Clock::now()) < seconds * 1e3; ++i) {
    if (interrupted() && i > 0) break;
    const auto begin = Clock::now();
    for (const auto& [name, value] : copied) executor.set_input(name, value);
    const auto set = Clock::now();
    executor.forward_async();
    const auto queued = Clock::now();
    executor.wait();
    const auto done = Clock::now();
    if (i < 0) continue;
    total.push_back(milliseconds(begin, done));
    copy.push_back(milliseconds(begin, set));
    launch.push_back(milliseconds(set, queued));
    wait.push_back(milliseconds(queued, done));
  }
  return {quantile(total, 0.5), quantile(copy, 0.5), quantile(launch, 0.5),
          quantile(wait, 0.5),  quantile(launch, 0), quantile(launch, 0.9)};
}

Json way_json(const ForwardWay& way) {
  return {{"total_ms", way.total_ms},           {"copy_ms", way.copy_ms},
          {"launch_ms", way.launch_ms},         {"launch_min_ms", way.launch_min_ms},
          {"launch_p90_ms", way.launch_p90_ms}, {"wait_ms", way.wait_ms}};
}

}  // namespace

ForwardParts measure_parts(Session& executor, const std::map<std::string, Tensor>& inputs, double seconds) {
  ForwardParts parts{};
  parts.resident = measure_way(executor, {}, seconds);
  parts.copied = measure_way(executor, inputs, seconds);
  std::vector<double> queued;
  const auto in_a_row = [&] {
    for (int i = 0; i < kInARow; ++i) {
      const auto begin = Clock::now();
      executor.forward_async();
      queued.push_back(milliseconds(begin, Clock::now()));
    }
  };
  parts.kernels_ms = executor.time_on_device(in_a_row) / kInARow;
  parts.queued_ms = quantile(queued, 0.5);
  return parts;
}

Json parts_json(const ForwardParts& parts) {
  return {{"input_on_device", way_json(parts.resident)},
          {"input_on_host", way_json(parts.copied)},
          {"queued_launch_ms", parts.queued_ms},
          {"kernels_ms", parts.kernels_ms}};
}

std::string in_words(const ForwardParts& parts) {
  const ForwardWay &resident = parts.resident, &copied = parts.copied;
  return fmt::format(
      "launch {:.1f} us ({:.1f} behind others), wait {:.1f} us, kernels {:.1f} us on the device; "
      "with the input on the host copy {:.1f} us, launch {:.1f} us, wait {:.1f} us",
      resident.launch_ms * 1e3, parts.queued_ms * 1e3, resident.wait_ms * 1e3, parts.kernels_ms * 1e3,
      copied.copy_ms * 1e3, copied.launch_ms * 1e3, copied.wait_ms * 1e3);
}

}  // namespace tenon::cli
