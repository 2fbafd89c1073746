#include "core/threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

namespace tenon {
namespace {

int cores_by_affinity() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) return CPU_COUNT(&mask);
  return static_cast<int>(std::thread::hardware_concurrency());
}

/// Cores that "quota period" microseconds come to; empty without a limit ("max", or -1 in version 1).
std::optional<double> cores_of(const std::string& quota, double period) {
  if (quota.empty() || quota == "max" || quota.front() == '-' || period <= 0) return {};
  std::istringstream text(quota);
  double microseconds = 0;
  if (!(text >> microseconds)) return {};
  return microseconds / period;
}

/// The path of this process's control group in the hierarchy of the controllers ("" is version 2's).
std::string group_path(std::string_view controllers) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controllers) return line.substr(second + 1);
  }
  return "/";
}

std::optional<double> limit_of_group(const std::filesystem::path& folder) {
  std::string quota;
  double period = 0;
  if (std::ifstream file(folder / "cpu.max"); file >> quota >> period) return cores_of(quota, period);
  std::ifstream quota_file(folder / "cpu.cfs_quota_us"), period_file(folder / "cpu.cfs_period_us");
  if (quota_file >> quota && period_file >> period) return cores_of(quota, period);
  return {};
}

/// The tightest limit from the process's group up to the root of its hierarchy.
double cores_by_control_group() {
  double limit = INFINITY;
  const auto visit = [&](const std::filesystem::path& root, std::filesystem::path group) {
    for (;; group = group.parent_path()) {
      const auto found = limit_of_group(root / group.relative_path());
      if (found) limit = std::min(limit, *found);
      if (!group.has_relative_path()) return;
    }
  };
  visit("/sys/fs/cgroup", group_path(""));
  visit("/sys/fs/cgroup/cpu", group_path("cpu,cpuacct"));
  return limit;
}

}  // namespace

int allowed_cores() {
  const double limit = std::ceil(cores_by_control_group());
  const int available = std::max(1, cores_by_affinity());
  return limit < available ? std::max(1, static_cast<int>(limit)) : available;
}

int current_threads() {
  return omp_get_max_threads();
}

ThreadScope::ThreadScope(int threads) : former_(omp_get_max_threads()) {
  if (threads != former_) omp_set_num_threads(threads);
}

ThreadScope::~ThreadScope() {
  if (omp_get_max_threads() != former_) omp_set_num_threads(former_);
}

}  // namespace tenon
