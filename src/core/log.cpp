#include "core/log.h"

#include <array>
#include <atomic>
#include <cstdio>

#include "core/env.h"

namespace tenon {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"off", "error", "warning", "info", "debug"};

std::atomic<LogLevel>& level_in_use() {
  static std::atomic<LogLevel> level = parse_log_level(env::log().value_or("off"));
  return level;
}

}  // namespace

LogLevel parse_log_level(std::string_view word) noexcept {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<LogLevel>(i);
  }
  return LogLevel::off;
}

LogLevel log_level() noexcept {
  return level_in_use().load(std::memory_order_relaxed);
}

void set_log_level(LogLevel level) noexcept {
  level_in_use().store(level, std::memory_order_relaxed);
}

void write_log(LogLevel level, const std::string& line) {
  const std::string text = fmt::format("tenon {}: {}\n", kWords[static_cast<std::size_t>(level)], line);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace tenon
