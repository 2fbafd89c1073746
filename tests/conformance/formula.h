#pragma once

#include <cstdint>
#include <string_view>

#include <tenon/tensor.h>

namespace tenon::conformance {

/// FNV-1a, 64 bits.
std::uint64_t fnv1a(std::string_view bytes) noexcept;

/// The float32 array called `name` whose elements are uniform in shift ± scale: splitmix64 seeded with the name's hash.
Tensor formula(std::string_view name, const Shape& shape, double scale = 1, double shift = 0);

/// The same with the scale and shift that the end of a parameter's name asks for. Throws Error for another name.
Tensor formula_parameter(std::string_view name, const Shape& shape, double gain);

}  // namespace tenon::conformance
