#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

#include <tenon/dtype.h>

namespace tenon {

/// IEEE binary16 to float, exact.
inline float to_float(float16 half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000u) << 16;
  const std::uint32_t magnitude = half.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | ((magnitude << 13) + ((127 - 15) << 23)));
  // Subnormal: the bits count units of 2^-24.
  const float value = static_cast<float>(magnitude) * 0x1p-24f;
  return sign != 0 ? -value : value;
}

/// Float to IEEE binary16, rounding to nearest even.
inline float16 to_float16(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {
    // Below the normal range: adding 0.5 lets the float adder round to units of 2^-24.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u))};
  }
  const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u) - ((127u - 15u) << 23);
  return {static_cast<std::uint16_t>(sign | rounded >> 13)};
}

inline float to_float(bfloat16 value) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

/// Float to bfloat16, rounding to nearest even.
inline bfloat16 to_bfloat16(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

/// The type that arithmetic on T happens in: float for the halves, T itself otherwise.
template <class T>
struct Arithmetic {
  using type = T;
};
template <>
struct Arithmetic<float16> {
  using type = float;
};
template <>
struct Arithmetic<bfloat16> {
  using type = float;
};
template <class T>
using arithmetic_t = typename Arithmetic<T>::type;

/// Widens an element to its arithmetic type.
template <class T>
arithmetic_t<T> load(T value) noexcept {
  if constexpr (std::same_as<T, float16> || std::same_as<T, bfloat16>) {
    return to_float(value);
  } else {
    return value;
  }
}

/// Narrows any number to an element: C++ conversion, rounding to nearest even for the halves.
template <class T, class From>
T store(From value) noexcept {
  if constexpr (std::same_as<T, float16>) {
    return to_float16(static_cast<float>(value));
  } else if constexpr (std::same_as<T, bfloat16>) {
    return to_bfloat16(static_cast<float>(value));
  } else if constexpr (std::same_as<T, bool>) {
    return value != From{};
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace tenon
