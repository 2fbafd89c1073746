#include "conformance/formula.h"

#include <cmath>

#include "core/error.h"

namespace tenon::conformance {

std::uint64_t fnv1a(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  return hash;
}

Tensor formula(std::string_view name, const Shape& shape, double scale, double shift) {
  Tensor tensor(shape, DType::float32);
  float* dst = tensor.mutable_data<float>();
  std::uint64_t state = fnv1a(name);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    std::uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    const double uniform = static_cast<double>(z >> 40) * 0x1p-24;
    dst[i] = static_cast<float>(scale * (2 * uniform - 1) + shift);
  }
  return tensor;
}

Tensor formula_parameter(std::string_view name, const Shape& shape, double gain) {
  if (name.ends_with("_weight")) {
    const double fan_in = static_cast<double>(shape.elements(1, shape.rank()));
    return formula(name, shape, gain * std::sqrt(6 / fan_in));
  }
  struct Rule {
    std::string_view suffix;
    double scale, shift;
  };
  constexpr Rule rules[] = {
      {"_bias", 0.1, 0},        {"_beta", 0.1, 0},        {"_gamma", 0.2, 1},      {"_running_mean", 0.1, 0},
      {"_moving_mean", 0.1, 0}, {"_running_var", 0.3, 1}, {"_moving_var", 0.3, 1}, {"_parameters", 0.3, 0},
  };
  for (const Rule& rule : rules) {
    if (name.ends_with(rule.suffix)) return formula(name, shape, rule.scale, rule.shift);
  }
  fail(ErrorCode::invalid_argument, "the formula has no scale for a parameter called '{}'", name);
}

}  // namespace tenon::conformance
