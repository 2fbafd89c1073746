#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>

#include "core/dispatch.h"

namespace tenon {

/// Reads element i of a tensor of indices, whatever its type: fractions are cut off.
using ReadIndex = std::int64_t (*)(const void* data, std::int64_t i);

inline ReadIndex index_reader(DType dtype) {
  return dispatch(dtype, []<class T>() -> ReadIndex {
    return [](const void* data, std::int64_t i) -> std::int64_t {
      const auto value = load(static_cast<const T*>(data)[i]);
      if constexpr (std::floating_point<decltype(value)>) {
        // What no index can mean must not become undefined behaviour in the conversion.
        constexpr double limit = 0x1p62;
        if (std::isnan(value)) return 0;
        return static_cast<std::int64_t>(std::clamp<double>(value, -limit, limit));
      } else {
        return static_cast<std::int64_t>(value);
      }
    };
  });
}

}  // namespace tenon
