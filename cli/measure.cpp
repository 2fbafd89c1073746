#include "measure.h"

#include <csignal>
#include <ctime>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>

namespace tenon::cli {
namespace {

volatile std::sig_atomic_t stop = 0;

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

volatile double stopped_at = 0;

/// The second one kills; one that comes at once is the same key, sent to the process and to its group.
void on_interrupt(int) {
  constexpr double same_key_ms = 200;
  const double at = now(CLOCK_MONOTONIC);
  if (stop != 0 && at - stopped_at > same_key_ms) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  if (stop == 0) stopped_at = at;
  stop = 1;
}

/// A line of the process's status that counts kilobytes.
std::size_t memory_status(std::string_view line) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == line) {
      std::size_t kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024;
    }
  }
  return 0;
}

}  // namespace

Samples measure(const std::function<void()>& forward, const Schedule& schedule,
                const std::function<void(int done)>& progress) {
  Samples samples;
  const double warm_until = now(CLOCK_MONOTONIC) + schedule.warmup_seconds * 1e3;
  for (int i = 0; !interrupted() && (i < 2 || now(CLOCK_MONOTONIC) < warm_until); ++i) forward();

  const double start = now(CLOCK_MONOTONIC);
  for (int done = 0; !interrupted(); progress(++done)) {
    const double passed = (now(CLOCK_MONOTONIC) - start) / 1e3;
    const bool enough =
        schedule.iterations > 0 ? done >= schedule.iterations : done >= schedule.fewest && passed >= schedule.seconds;
    if (enough) break;
    const double cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    forward();
    samples.wall.push_back(now(CLOCK_MONOTONIC) - wall);
    samples.cpu.push_back(now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  }
  samples.interrupted = interrupted();
  return samples;
}

double quantile(std::vector<double> samples, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size())));
  const auto at = samples.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() {
  return stop != 0;
}

void reset_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::size_t peak_memory() {
  return memory_status("VmHWM:");
}

std::size_t resident_memory() {
  return memory_status("VmRSS:");
}

}  // namespace tenon::cli
