#pragma once

#include <cstdint>

#include "graph/attributes.h"

namespace tenon {

/// Groups of channels along each axis of position-sensitive pooling: by default as many as bins.
inline std::int64_t psroi_groups(const Attributes& attributes) {
  const std::int64_t groups = attributes.integer("group_size");
  return groups == 0 ? attributes.integer("pooled_size") : groups;
}

/// Parts along each axis that have a learnt shift each: by default as many as bins.
inline std::int64_t psroi_parts(const Attributes& attributes) {
  const std::int64_t parts = attributes.integer("part_size");
  return parts == 0 ? attributes.integer("pooled_size") : parts;
}

}  // namespace tenon
