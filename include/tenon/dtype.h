#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tenon {

/// Element types, named as MXNet and NumPy name them.
enum class DType : std::uint8_t { float32, float64, float16, bfloat16, uint8, int8, int32, int64, boolean };

/// Storage of a half-precision number; arithmetic happens in float.
struct float16 {
  std::uint16_t bits = 0;
};
struct bfloat16 {
  std::uint16_t bits = 0;
};

/// Bytes of one element.
std::size_t size_of(DType dtype) noexcept;

/// "float32", "bool", …
std::string_view name(DType dtype) noexcept;

/// The inverse of name(); empty for an unknown word.
std::optional<DType> parse_dtype(std::string_view word) noexcept;

/// The DType of a C++ element type: dtype_of<float> == DType::float32.
template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0, "not an element type of Tenon");
  return DType::float32;
}();
template <>
inline constexpr DType dtype_of<float> = DType::float32;
template <>
inline constexpr DType dtype_of<double> = DType::float64;
template <>
inline constexpr DType dtype_of<float16> = DType::float16;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bfloat16;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::uint8;
template <>
inline constexpr DType dtype_of<std::int8_t> = DType::int8;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::int32;
template <>
inline constexpr DType dtype_of<std::int64_t> = DType::int64;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

}  // namespace tenon
