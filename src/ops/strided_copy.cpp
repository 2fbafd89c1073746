#include "ops/strided_copy.h"

#include <cstring>

#include "core/dispatch.h"
#include "ops/kernel_form.h"

namespace tenon {
namespace {

/// Joins neighbouring axes that one stride walks, and drops axes of one element.
std::vector<StridedCopy::Axis> merged(const std::vector<StridedCopy::Axis>& axes) {
  std::vector<StridedCopy::Axis> result;
  for (const auto& axis : axes) {
    if (axis.extent == 1) continue;
    if (!result.empty()) {
      auto& outer = result.back();
      if (outer.src_stride == axis.extent * axis.src_stride && outer.dst_stride == axis.extent * axis.dst_stride) {
        outer = {outer.extent * axis.extent, axis.src_stride, axis.dst_stride};
        continue;
      }
    }
    result.push_back(axis);
  }
  return result;
}

template <std::size_t size>
void copy_elements(const StridedCopy::Axis& axis, const std::byte* src, std::byte* dst) {
  for (std::int64_t i = 0; i < axis.extent; ++i) {
    std::memcpy(dst + i * axis.dst_stride, src + i * axis.src_stride, size);
  }
}

}  // namespace

StridedCopy StridedCopy::inverse() const {
  StridedCopy copy{axes, dst_offset, src_offset};
  for (Axis& axis : copy.axes) std::swap(axis.src_stride, axis.dst_stride);
  return copy;
}

std::vector<std::int64_t> row_major_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()));
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

StridedCopy whole_copy(std::int64_t elements) {
  return {{{elements, 1, 1}}};
}

StridedCopy broadcast_copy(const Shape& src, const Shape& dst) {
  const auto src_strides = row_major_strides(src);
  const auto dst_strides = row_major_strides(dst);
  const int added = dst.rank() - src.rank();
  StridedCopy copy;
  for (int axis = 0; axis < dst.rank(); ++axis) {
    const bool repeats = axis < added || src[axis - added] == 1;
    copy.axes.push_back({dst[axis], repeats ? 0 : src_strides[static_cast<std::size_t>(axis - added)],
                         dst_strides[static_cast<std::size_t>(axis)]});
  }
  return copy;
}

StridedCopy transpose_copy(const Shape& src, const std::vector<int>& axes) {
  const auto strides = row_major_strides(src);
  StridedCopy copy;
  std::int64_t dst_stride = src.elements();
  for (const int axis : axes) {
    if (src[axis] != 0) dst_stride /= src[axis];
    copy.axes.push_back({src[axis], strides[static_cast<std::size_t>(axis)], dst_stride});
  }
  return copy;
}

PreparedCopy::PreparedCopy(const StridedCopy& copy, DType dtype) : axes_(merged(copy.axes)), run_(size_of(dtype)) {
  const auto size = static_cast<std::int64_t>(run_);
  src_offset_ = copy.src_offset * size;
  dst_offset_ = copy.dst_offset * size;
  if (!axes_.empty() && axes_.back().src_stride == 1 && axes_.back().dst_stride == 1) {
    run_ *= static_cast<std::size_t>(axes_.back().extent);
    axes_.pop_back();
  }
  for (auto& axis : axes_) {
    axis.src_stride *= size;
    axis.dst_stride *= size;
  }
  for (const auto& axis : copy.axes) empty_ = empty_ || axis.extent == 0;
}

void PreparedCopy::operator()(const void* src, void* dst) const {
  if (empty_) return;
  copy_axis(0, static_cast<const std::byte*>(src) + src_offset_, static_cast<std::byte*>(dst) + dst_offset_);
}

void PreparedCopy::copy_axis(std::size_t axis, const std::byte* src, std::byte* dst) const {
  if (axis == axes_.size()) {
    std::memcpy(dst, src, run_);
    return;
  }
  const auto& [extent, src_stride, dst_stride] = axes_[axis];
  if (axis + 1 == axes_.size()) {
    switch (run_) {
      case 1:
        return copy_elements<1>(axes_[axis], src, dst);
      case 2:
        return copy_elements<2>(axes_[axis], src, dst);
      case 4:
        return copy_elements<4>(axes_[axis], src, dst);
      case 8:
        return copy_elements<8>(axes_[axis], src, dst);
      default:
        break;
    }
  }
  for (std::int64_t i = 0; i < extent; ++i) copy_axis(axis + 1, src + i * src_stride, dst + i * dst_stride);
}

Kernel copy_kernel(const OpCall& call, const StridedCopy& copy) {
  return {[prepared = PreparedCopy(copy, call.dtype_in(0))](const Operands& operands) {
            prepared(operands.src[0], operands.dst[0]);
          },
          0, std::make_shared<KernelForm>(KernelForm{CopyForm{{{0, 0, copy}}}})};
}

Kernel copies_kernel(const OpCall& call, std::vector<CopyForm::Part> parts) {
  struct Step {
    int src, dst;
    PreparedCopy copy;
    Element value;
  };
  std::vector<Step> steps;
  for (const CopyForm::Part& part : parts) {
    const DType dtype = call.dtype_out(part.dst);
    steps.push_back({part.src, part.dst, PreparedCopy(part.copy, dtype), encode(dtype, part.value)});
  }
  return {[steps = std::move(steps)](const Operands& operands) {
            for (const Step& step : steps) {
              void* dst = operands.dst[static_cast<std::size_t>(step.dst)];
              if (dst == nullptr) continue;
              const void* src = step.src < 0 ? step.value.data() : operands.src[static_cast<std::size_t>(step.src)];
              step.copy(src, dst);
            }
          },
          0, std::make_shared<KernelForm>(KernelForm{CopyForm{std::move(parts)}})};
}

StridedCopy fill_copy(std::int64_t elements) {
  return {{{elements, 0, 1}}};
}

Kernel flat_copy_kernel(const OpCall& call) {
  return copy_kernel(call, whole_copy(call.shape_out().elements()));
}

Element encode(DType dtype, double value) {
  Element element{};
  dispatch(dtype, [&]<class T>() {
    const T typed = store<T>(value);
    std::memcpy(element.data(), &typed, sizeof typed);
  });
  return element;
}

}  // namespace tenon
