#include "engine/timing_cache.h"

#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "core/log.h"

namespace tenon {
namespace {

/// A line each: "0.412 tenon:winograd-f44".
std::string to_text(const std::vector<Timing>& timings) {
  std::string text;
  for (const Timing& timing : timings) text += fmt::format("{} {}\n", timing.ms, timing.implementation);
  return text;
}

/// Empty for anything that to_text() does not write.
std::vector<Timing> parse(const std::string& text) {
  std::vector<Timing> timings;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Timing timing;
    std::istringstream words(line);
    if (!(words >> timing.ms) || !std::isfinite(timing.ms) || timing.ms < 0) return {};
    if (words.get() != ' ' || !std::getline(words, timing.implementation) || timing.implementation.empty()) return {};
    timings.push_back(std::move(timing));
  }
  return timings;
}

}  // namespace

TimingCache& TimingCache::of_user() {
  static TimingCache cache(FileCache::named("timings"));
  return cache;
}

std::optional<std::vector<Timing>> TimingCache::find(const std::string& problem) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = known_.find(problem); found != known_.end()) return found->second;
  const auto text = files_.find(problem);
  if (!text) return {};
  std::vector<Timing> timings = parse(*text);
  if (timings.empty()) {
    log(LogLevel::warning, "the cached file {} holds no timings and is made anew", files_.file_of(problem).string());
    return {};
  }
  return known_[problem] = std::move(timings);
}

void TimingCache::keep(const std::string& problem, const std::vector<Timing>& timings) {
  const std::scoped_lock lock(mutex_);
  known_[problem] = timings;
  files_.keep(problem, to_text(timings));
}

}  // namespace tenon
