#pragma once

namespace tenon {

/// Where a function was called from: std::source_location, which clang 14 does not have yet. Used as a default
/// argument, `CallSite where = CallSite::current()`.
struct CallSite {
  const char* file;
  const char* function;
  int line;

  static constexpr CallSite current(const char* file = __builtin_FILE(), const char* function = __builtin_FUNCTION(),
                                    int line = __builtin_LINE()) {
    return {file, function, line};
  }
};

}  // namespace tenon
