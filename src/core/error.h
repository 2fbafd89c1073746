#pragma once

#include <fmt/format.h>

#include <tenon/error.h>

namespace tenon {

/// Throws Error with a formatted sentence.
template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tenon
