#pragma once

#include <vector>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/runtime/device.h"
#include "engine/backend.h"
#include "ops/strided_copy.h"

namespace tenon::cuda {

/// Which elements a map reads and writes: element (i0, i1, …) of the box goes to dst_offset + Σ i·dst, and comes from
/// src_offset[k] + Σ i·src[k] of source k; all in elements. A stride of 0 repeats.
struct StridedMap {
  struct Axis {
    std::int64_t extent, dst;
    std::vector<std::int64_t> src;  ///< one a source
  };
  std::vector<Axis> axes;  ///< outermost first
  std::int64_t dst_offset = 0;
  std::vector<std::int64_t> src_offset;  ///< one a source

  std::int64_t count() const;
  /// The same map with axes of one element dropped and neighbours that every operand walks alike joined.
  StridedMap merged() const;
};

/// Sources aligned at the last axis and stretched over `dst`, as NumPy does.
StridedMap broadcast_map(const std::vector<Shape>& sources, const Shape& dst);
/// Over `dst`; a source has its shape, or is one number for each position along `axis` (its shape is of rank 1).
StridedMap channel_map(const std::vector<Shape>& sources, const Shape& dst, int axis);
StridedMap map_of(const StridedCopy& copy);

struct MapOperands {
  std::vector<int> src;  ///< inputs of the step
  int dst = 0;
  std::vector<double> parameters = {};  ///< p0, …
};
/// A kernel that runs `text` over the map; `text.wide` is decided here.
Kernel map_kernel(const GpuDevice& device, MapText text, const StridedMap& map, const MapOperands& operands);

}  // namespace tenon::cuda
