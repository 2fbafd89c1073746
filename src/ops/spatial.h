#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/inference.h"

namespace tenon {

/// Sizes of, or a position along, depth, height and width. A tensor with fewer spatial axes has the last ones, and 1
/// (position 0) in place of the missing ones; so one loop serves one, two and three dimensions.
using Extent = std::array<std::int64_t, 3>;

inline std::int64_t product(const Extent& sizes) {
  return sizes[0] * sizes[1] * sizes[2];
}

/// Row-major index of a position.
inline std::int64_t offset(const Extent& sizes, const Extent& at) {
  return (at[0] * sizes[1] + at[1]) * sizes[2] + at[2];
}

inline bool contains(const Extent& sizes, const Extent& at) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (at[i] < 0 || at[i] >= sizes[i]) return false;
  }
  return true;
}

/// Calls visit(position) for every position, row-major.
template <class Visit>
void for_each_position(const Extent& sizes, Visit visit) {
  Extent at;
  for (at[0] = 0; at[0] < sizes[0]; ++at[0]) {
    for (at[1] = 0; at[1] < sizes[1]; ++at[1]) {
      for (at[2] = 0; at[2] < sizes[2]; ++at[2]) visit(at);
    }
  }
}

/// A window that slides over the spatial axes: the attributes kernel, stride, dilate and pad.
struct SlidingWindow {
  int rank = 0;  ///< of the spatial axes, 1 to 3
  Extent kernel{1, 1, 1}, stride{1, 1, 1}, dilate{1, 1, 1}, pad{0, 0, 0};

  /// From the first tap to the last, the dilation's holes included.
  std::int64_t reach(std::size_t i) const { return dilate[i] * (kernel[i] - 1) + 1; }
  /// Where among an Extent's three the spatial axis `axis` (from 0) is kept.
  std::size_t slot(int axis) const { return static_cast<std::size_t>(3 - rank + axis); }
};

/// Which axis is the channel and where the spatial ones begin: (N, C, …) or (N, …, C). Axis 0 is the batch.
struct Layout {
  int channel = 1;
  int spatial = 2;
  bool channels_last() const { return spatial == 1; }
};

/// Sets the entries of `extent` that belong to the spatial axes, aligned at its end, to the numbers of the attribute;
/// leaves them where it is absent or empty.
void read_extent(const Attributes& attributes, std::string_view name, int rank, Extent& extent);

/// The window as the attributes say, once checked_window() let them pass; `dilate` may be absent.
SlidingWindow sliding_window(const Attributes& attributes);
/// The same; refuses lists of another length than the kernel and numbers out of range.
SlidingWindow checked_window(const InferenceWindow& node);

/// The layout of data with `rank` spatial axes, from the attribute `layout` where there is one. Refuses a layout of
/// another rank.
Layout checked_layout(const InferenceWindow& node, int rank);
Layout layout_of(const Attributes& attributes, int rank);

/// The spatial sizes of a shape.
Extent spatial_extent(const Shape& shape, Layout layout);

/// The declarations of the attributes that all windows share. MXNet reads an empty tuple as "the default".
std::vector<AttributeSpec> window_attributes(bool kernel_required);

}  // namespace tenon
