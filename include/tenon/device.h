#pragma once

#include <string>
#include <string_view>

namespace tenon {

/// Where a tensor lives or a program runs.
struct Device {
  enum class Kind { cpu, cuda };
  Kind kind = Kind::cpu;
  int ordinal = 0;

  /// "cpu", "cuda", "cuda:1"; throws Error for anything else.
  static Device parse(std::string_view text);
  /// "cpu" or "cuda:0".
  std::string str() const;

  friend bool operator==(const Device&, const Device&) = default;
};

}  // namespace tenon
