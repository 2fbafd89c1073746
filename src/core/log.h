#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace tenon {

enum class LogLevel { off, error, warning, info, debug };

/// What is written; from TENON_LOG at the first use, off where that is unset.
LogLevel log_level() noexcept;
void set_log_level(LogLevel level) noexcept;

/// "off", "error", …; off for any other word.
LogLevel parse_log_level(std::string_view word) noexcept;

/// One line on the standard error stream: "tenon info: …". Lines of several threads do not mix.
void write_log(LogLevel level, const std::string& line);

/// The one logger of the library: log(LogLevel::info, "bound {} nodes", n). Formats nothing while the level is below.
template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (level <= log_level()) write_log(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tenon
