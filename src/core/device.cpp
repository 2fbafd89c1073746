#include <tenon/device.h>

#include <charconv>

#include "core/error.h"

namespace tenon {

Device Device::parse(std::string_view text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {Kind::cuda, 0};
  constexpr std::string_view prefix = "cuda:";
  if (text.starts_with(prefix)) {
    const std::string_view digits = text.substr(prefix.size());
    int ordinal = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ordinal);
    if (error == std::errc{} && end == digits.data() + digits.size() && ordinal >= 0) return {Kind::cuda, ordinal};
  }
  fail(ErrorCode::invalid_argument, "device '{}' is not one of cpu, cuda, cuda:0, cuda:1, …", text);
}

std::string Device::str() const {
  return kind == Kind::cpu ? "cpu" : fmt::format("cuda:{}", ordinal);
}

}  // namespace tenon
