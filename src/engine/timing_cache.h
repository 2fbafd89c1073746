#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/file_cache.h"

namespace tenon {

/// What one way to run a step took.
struct Timing {
  std::string implementation;
  double ms = 0;
  friend bool operator==(const Timing&, const Timing&) = default;
};

/// Timings by the text of the problem they solve, the one that was chosen first: of this process and, a file a problem,
/// of all earlier ones of the user. Any number of threads and processes may share the folder: a file appears whole, the
/// last one written stays. A file that is damaged, or that says something else than timings, counts as not there.
/// Thread-safe.
class TimingCache {
 public:
  explicit TimingCache(FileCache files) : files_(std::move(files)) {}
  /// $XDG_CACHE_HOME/tenon/timings, else ~/.cache/tenon/timings.
  static TimingCache& of_user();

  std::optional<std::vector<Timing>> find(const std::string& problem);
  void keep(const std::string& problem, const std::vector<Timing>& timings);

 private:
  FileCache files_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Timing>> known_;
};

}  // namespace tenon
