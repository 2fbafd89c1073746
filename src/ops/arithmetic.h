#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/dispatch.h"

namespace tenon {

// Arithmetic happens in three C++ types, whatever the element type: float for float32 and the halves, double for
// float64, std::int64_t for integers and bool. So a function is compiled three times instead of nine.

/// Calls visitor.operator()<A>() with the arithmetic type of `dtype`.
template <class Visitor>
decltype(auto) dispatch_arithmetic(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::float32:
    case DType::float16:
    case DType::bfloat16:
      return visitor.template operator()<float>();
    case DType::float64:
      return visitor.template operator()<double>();
    default:
      return visitor.template operator()<std::int64_t>();
  }
}

inline bool is_floating(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64 || dtype == DType::float16 || dtype == DType::bfloat16;
}

/// Any number to an element. Floating to integer truncates; what does not fit becomes the least number (of 32 bits for
/// the narrower types), as on the processors MXNet runs on, where C++ would leave it undefined.
template <class To, class From>
To convert(From value) noexcept {
  if constexpr (std::floating_point<From> && std::integral<To> && !std::same_as<To, bool>) {
    using Wide = std::conditional_t<sizeof(To) == 8, std::int64_t, std::int32_t>;
    constexpr From bound = static_cast<From>(sizeof(To) == 8 ? 0x1p63 : 0x1p31);
    const bool fits = value > -bound - 1 && value < bound;
    return static_cast<To>(fits ? static_cast<Wide>(value) : std::numeric_limits<Wide>::min());
  } else {
    return store<To>(value);
  }
}

/// The greater and the lesser of two numbers, where NaN wins over both.
template <class A>
A greater_of(A l, A r) {
  return l != l || l > r ? l : r;
}
template <class A>
A lesser_of(A l, A r) {
  return l != l || l < r ? l : r;
}

/// Reads elements first, first + stride, … of src into dst, converted; a stride of 0 repeats one element.
template <class A>
using Reader = void (*)(const void* src, std::int64_t first, std::int64_t stride, std::int64_t count, A* dst);
/// Writes elements first, first + 1, … of dst, converted.
template <class A>
using Writer = void (*)(void* dst, std::int64_t first, std::int64_t count, const A* src);

/// Defined for A = float, double and std::int64_t.
template <class A>
Reader<A> reader(DType dtype);
template <class A>
Writer<A> writer(DType dtype);

/// Elements converted at a time, in a buffer on the stack.
inline constexpr std::int64_t kChunk = 256;

}  // namespace tenon
