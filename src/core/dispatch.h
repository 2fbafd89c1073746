#pragma once

#include "core/error.h"
#include "core/half.h"

namespace tenon {

/// Calls visitor.operator()<T>() with the C++ element type of `dtype`, for every type.
template <class Visitor>
decltype(auto) dispatch(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::float32:
      return visitor.template operator()<float>();
    case DType::float64:
      return visitor.template operator()<double>();
    case DType::float16:
      return visitor.template operator()<float16>();
    case DType::bfloat16:
      return visitor.template operator()<bfloat16>();
    case DType::uint8:
      return visitor.template operator()<std::uint8_t>();
    case DType::int8:
      return visitor.template operator()<std::int8_t>();
    case DType::int32:
      return visitor.template operator()<std::int32_t>();
    case DType::int64:
      return visitor.template operator()<std::int64_t>();
    case DType::boolean:
      return visitor.template operator()<bool>();
  }
  fail(ErrorCode::internal, "element type {} does not exist", static_cast<int>(dtype));
}

/// The same for the floating types only; `what` names the asker in the refusal.
template <class Visitor>
decltype(auto) dispatch_float(DType dtype, std::string_view what, Visitor&& visitor) {
  switch (dtype) {
    case DType::float32:
      return visitor.template operator()<float>();
    case DType::float64:
      return visitor.template operator()<double>();
    case DType::float16:
      return visitor.template operator()<float16>();
    case DType::bfloat16:
      return visitor.template operator()<bfloat16>();
    default:
      fail(ErrorCode::unsupported, "{} takes float32, float64, float16 or bfloat16, but got {}", what, name(dtype));
  }
}

}  // namespace tenon
