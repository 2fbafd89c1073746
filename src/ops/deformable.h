#pragma once

#include <cstdint>

#include "graph/attributes.h"

namespace tenon {

/// The attributes of a deformable convolution.
struct DeformableParameters {
  /// (y, x) of an attribute that may be empty.
  struct Pair {
    std::int64_t y, x;
  };

  DeformableParameters(const Attributes& attributes, bool is_modulated)
      : kernel(pair(attributes, "kernel", 1)),
        stride(pair(attributes, "stride", 1)),
        dilate(pair(attributes, "dilate", 1)),
        pad(pair(attributes, "pad", 0)),
        filters(attributes.integer("num_filter")),
        groups(attributes.integer("num_group")),
        deformable_groups(attributes.integer("num_deformable_group")),
        bias(!attributes.flag("no_bias")),
        modulated(is_modulated) {}

  static Pair pair(const Attributes& attributes, const char* name, std::int64_t fallback) {
    const auto values = attributes.ints(name);
    return values.size() == 2 ? Pair{values[0], values[1]} : Pair{fallback, fallback};
  }

  std::int64_t taps() const { return kernel.y * kernel.x; }
  int weight_input() const { return modulated ? 3 : 2; }

  Pair kernel, stride, dilate, pad;
  std::int64_t filters, groups, deformable_groups;
  bool bias, modulated;
};

}  // namespace tenon
