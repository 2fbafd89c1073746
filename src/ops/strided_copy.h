#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/op.h"

namespace tenon {

/// Moves a box of elements between two layouts: element (i0, i1, …) goes from src_offset + Σ i·src_stride to
/// dst_offset + Σ i·dst_stride, all in elements. A stride of 0 repeats, a negative one walks backwards. Transposing,
/// slicing, flipping, tiling and broadcasting differ in these numbers only.
struct StridedCopy {
  struct Axis {
    std::int64_t extent, src_stride, dst_stride;
  };
  std::vector<Axis> axes;  ///< outermost first
  std::int64_t src_offset = 0;
  std::int64_t dst_offset = 0;

  /// The copy in the other direction.
  StridedCopy inverse() const;
};

/// Strides of a dense array, outermost first.
std::vector<std::int64_t> row_major_strides(const Shape& shape);

/// Every element to its own place.
StridedCopy whole_copy(std::int64_t elements);
/// `shape` repeated along new and size-1 axes to fill `dst`, NumPy's way.
StridedCopy broadcast_copy(const Shape& src, const Shape& dst);
/// dst axis i is src axis axes[i].
StridedCopy transpose_copy(const Shape& src, const std::vector<int>& axes);

/// A StridedCopy made ready for one element size. Knows nothing of types: elements are moved as bytes.
class PreparedCopy {
 public:
  PreparedCopy(const StridedCopy& copy, DType dtype);
  void operator()(const void* src, void* dst) const;

 private:
  void copy_axis(std::size_t axis, const std::byte* src, std::byte* dst) const;

  std::vector<StridedCopy::Axis> axes_;  ///< strides in bytes
  std::int64_t src_offset_, dst_offset_;
  std::size_t run_;  ///< bytes that are contiguous on both sides
  bool empty_ = false;
};

/// A kernel that copies input 0 to output 0.
Kernel copy_kernel(const OpCall& call, const StridedCopy& copy);
/// A kernel whose output is its input's elements in the same order.
Kernel flat_copy_kernel(const OpCall& call);

/// The bytes of a number as an element of `dtype`, the rest zero; aligned, because kernels read it as one.
struct alignas(8) Element : std::array<std::byte, 8> {};
Element encode(DType dtype, double value);

}  // namespace tenon
