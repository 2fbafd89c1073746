#pragma once

#include <cstdint>

#include "graph/attributes.h"

namespace tenon {

/// The attributes of Correlation.
struct CorrelationParameters {
  explicit CorrelationParameters(const Attributes& attributes)
      : kernel(attributes.integer("kernel_size")),
        displacement(attributes.integer("max_displacement")),
        stride1(attributes.integer("stride1")),
        stride2(attributes.integer("stride2")),
        pad(attributes.integer("pad_size")),
        multiply(attributes.flag("is_multiply")),
        radius(displacement / stride2),
        grid(2 * radius + 1) {}
  std::int64_t kernel, displacement, stride1, stride2, pad;
  bool multiply;
  std::int64_t radius, grid;  ///< displacements to each side, and in all, along one axis
};

}  // namespace tenon
