#include "backends/cuda/plain/strided_map.h"

#include <algorithm>

#include "backends/cuda/runtime/module.h"
#include "core/error.h"

namespace tenon::cuda {
namespace {

/// What the kernel takes by value: the struct MapGeometry of kernel_text.cpp.
struct MapGeometry {
  std::int64_t count = 0;
  int rank = 0;
  std::int64_t extent[kMostAxes] = {}, dst_stride[kMostAxes] = {}, src_stride[kMostSources][kMostAxes] = {};
  std::int64_t dst_offset = 0, src_offset[kMostSources] = {};
  double parameter[4] = {};
};

bool walks_alike(const StridedMap::Axis& outer, const StridedMap::Axis& inner) {
  if (outer.dst != inner.extent * inner.dst) return false;
  for (std::size_t k = 0; k < outer.src.size(); ++k) {
    if (outer.src[k] != inner.extent * inner.src[k]) return false;
  }
  return true;
}

MapGeometry geometry_of(const StridedMap& map, const std::vector<double>& parameters) {
  if (map.axes.size() > kMostAxes || map.src_offset.size() > kMostSources) {
    fail(ErrorCode::unsupported, "a GPU kernel walks at most {} axes of {} inputs, not {} of {}", kMostAxes,
         kMostSources, map.axes.size(), map.src_offset.size());
  }
  MapGeometry geometry;
  geometry.count = map.count();
  geometry.rank = static_cast<int>(map.axes.size());
  geometry.dst_offset = map.dst_offset;
  for (std::size_t axis = 0; axis < map.axes.size(); ++axis) {
    geometry.extent[axis] = map.axes[axis].extent;
    geometry.dst_stride[axis] = map.axes[axis].dst;
    for (std::size_t k = 0; k < map.src_offset.size(); ++k) geometry.src_stride[k][axis] = map.axes[axis].src[k];
  }
  std::copy(map.src_offset.begin(), map.src_offset.end(), geometry.src_offset);
  std::copy(parameters.begin(), parameters.end(), geometry.parameter);
  return geometry;
}

}  // namespace

std::int64_t StridedMap::count() const {
  std::int64_t product = 1;
  for (const Axis& axis : axes) product *= axis.extent;
  return product;
}

StridedMap StridedMap::merged() const {
  StridedMap result{{}, dst_offset, src_offset};
  for (const Axis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!result.axes.empty() && walks_alike(result.axes.back(), axis)) {
      const std::int64_t extent = result.axes.back().extent * axis.extent;
      result.axes.back() = axis;
      result.axes.back().extent = extent;
    } else {
      result.axes.push_back(axis);
    }
  }
  return result;
}

StridedMap broadcast_map(const std::vector<Shape>& sources, const Shape& dst) {
  StridedMap map;
  map.src_offset.resize(sources.size());
  const auto dst_strides = row_major_strides(dst);
  for (int axis = 0; axis < dst.rank(); ++axis) {
    StridedMap::Axis walked{dst[axis], dst_strides[static_cast<std::size_t>(axis)], {}};
    for (const Shape& src : sources) {
      const int own = axis - (dst.rank() - src.rank());
      const bool repeats = own < 0 || src[own] == 1;
      walked.src.push_back(repeats ? 0 : row_major_strides(src)[static_cast<std::size_t>(own)]);
    }
    map.axes.push_back(std::move(walked));
  }
  return map.merged();
}

StridedMap channel_map(const std::vector<Shape>& sources, const Shape& dst, int axis) {
  const std::int64_t inner = dst.elements(axis + 1, dst.rank());
  StridedMap map{{{dst.elements(0, axis), dst[axis] * inner, {}}, {dst[axis], inner, {}}, {inner, 1, {}}}, 0, {}};
  map.src_offset.resize(sources.size());
  for (const Shape& src : sources) {
    const bool whole = src == dst;
    const std::int64_t channel = !whole && src.elements() == 1 ? 0 : 1;
    map.axes[0].src.push_back(whole ? dst[axis] * inner : 0);
    map.axes[1].src.push_back(whole ? inner : channel);
    map.axes[2].src.push_back(whole ? 1 : 0);
  }
  return map.merged();
}

StridedMap map_of(const StridedCopy& copy) {
  StridedMap map{{}, copy.dst_offset, {copy.src_offset}};
  for (const auto& axis : copy.axes) map.axes.push_back({axis.extent, axis.dst_stride, {axis.src_stride}});
  return map.merged();
}

Kernel map_kernel(const GpuDevice& device, MapText text, const StridedMap& map, const MapOperands& operands) {
  const MapGeometry geometry = geometry_of(map, operands.parameters);
  if (geometry.count == 0) return {[](const Operands&) {}};
  constexpr std::int64_t threads = 256, each = 4;
  const unsigned blocks = grid_size(geometry.count, threads * each);
  // A narrow index steps beyond the count by less than a grid.
  text.wide = geometry.count + (std::int64_t{1} << 24) > std::int64_t{0xffffffff};
  const GpuFunction function = GpuFunction::get(device, map_text(text), "map");
  return {[function, geometry, blocks, which = operands](const Operands& given) {
    const void* src[kMostSources] = {};
    void* dst = given.dst[static_cast<std::size_t>(which.dst)];
    if (dst == nullptr) return;
    MapGeometry copy = geometry;
    void* arguments[2 + kMostSources] = {&copy, &dst};
    for (std::size_t k = 0; k < which.src.size(); ++k) {
      src[k] = given.src[static_cast<std::size_t>(which.src[k])];
      arguments[2 + k] = &src[k];
    }
    function.launch(given.stream, blocks, threads, arguments);
  }};
}

}  // namespace tenon::cuda
