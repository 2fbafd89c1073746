// im2col lays the windows of a convolution out as columns; col2im adds columns back to where they came from.

#include <algorithm>

#include <fmt/ranges.h>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tenon {
namespace {

/// The windows over the spatial axes of one channel, one number an axis.
struct Windows {
  std::vector<std::int64_t> kernel, stride, dilate, pad, size;  ///< size: of the image

  std::int64_t steps(std::size_t axis) const {
    return (size[axis] + 2 * pad[axis] - dilate[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1;
  }
};

std::vector<std::int64_t> with_default(const Attributes& attributes, std::string_view name, std::size_t axes,
                                       std::int64_t value) {
  auto given = attributes.ints(name);
  return given.empty() ? std::vector<std::int64_t>(axes, value) : given;
}

Windows windows(const Attributes& attributes, std::vector<std::int64_t> size) {
  auto kernel = attributes.ints("kernel");
  const std::size_t axes = kernel.size();
  return {std::move(kernel), with_default(attributes, "stride", axes, 1), with_default(attributes, "dilate", axes, 1),
          with_default(attributes, "pad", axes, 0), std::move(size)};
}

/// Products over the axes: positions within a kernel, and windows in an image.
struct Columns {
  std::int64_t taps = 1, steps = 1;
};

Columns checked_columns(const ShapeInference& shapes, const Windows& w) {
  const std::size_t axes = w.size.size();
  for (const auto* numbers : {&w.kernel, &w.stride, &w.dilate, &w.pad}) {
    if (numbers->size() != axes) {
      shapes.refuse("({}) must have {} numbers, one for each spatial axis", fmt::join(*numbers, ","), axes);
    }
    for (const std::int64_t number : *numbers) {
      constexpr std::int64_t limit = 1 << 30;
      if (number < (numbers == &w.pad ? 0 : 1) || number > limit) shapes.refuse("{} is out of range", number);
    }
  }
  Columns columns;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    if (w.dilate[axis] * (w.kernel[axis] - 1) + 1 > w.size[axis] + 2 * w.pad[axis]) {
      shapes.refuse("the kernel {} (dilated by {}) exceeds the padded size {} of spatial axis {}", w.kernel[axis],
                    w.dilate[axis], w.size[axis] + 2 * w.pad[axis], axis);
    }
    columns.taps = Shape{columns.taps, w.kernel[axis]}.elements();
    columns.steps = Shape{columns.steps, w.steps(axis)}.elements();
  }
  return columns;
}

/// Where each (tap, step) of one channel lies in its image, row-major; -1 in the padding.
std::vector<std::int64_t> image_positions(const Windows& w, const Columns& columns) {
  std::vector<std::int64_t> positions;
  for (std::int64_t tap = 0; tap < columns.taps; ++tap) {
    for (std::int64_t step = 0; step < columns.steps; ++step) {
      std::int64_t position = 0, stride = 1, tap_rest = tap, step_rest = step;
      for (std::size_t axis = w.size.size(); axis-- > 0;) {
        const std::int64_t at =
            step_rest % w.steps(axis) * w.stride[axis] - w.pad[axis] + tap_rest % w.kernel[axis] * w.dilate[axis];
        if (at < 0 || at >= w.size[axis]) position = -1;
        if (position >= 0) position += at * stride;
        stride *= w.size[axis];
        tap_rest /= w.kernel[axis];
        step_rest /= w.steps(axis);
      }
      positions.push_back(position);
    }
  }
  return positions;
}

Columns columns_of(const Windows& w) {
  Columns columns;
  for (std::size_t axis = 0; axis < w.size.size(); ++axis) {
    columns.taps *= w.kernel[axis];
    columns.steps *= w.steps(axis);
  }
  return columns;
}

std::vector<AttributeSpec> window_attributes() {
  return {ints("kernel"), ints("stride").or_else(IntTuple{}), ints("dilate").or_else(IntTuple{}),
          ints("pad").or_else(IntTuple{})};
}

Op im2col() {
  Op op;
  op.name = "im2col";
  op.doc = "The windows a convolution reads: (batch, channels, …) to (batch, channels * taps, windows).";
  op.attributes = window_attributes();
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.is_known()) return;
    if (src.rank() < 3) shapes.refuse("the input must have batch, channel and spatial axes, but is {}", src.str());
    const auto columns = checked_columns(shapes, windows(shapes.attributes(), {src.begin() + 2, src.end()}));
    shapes.set_out(0, {src[0], Shape{src[1], columns.taps}.elements(), columns.steps});
  };
  op.reference = [](const OpCall& call) {
    const Shape& src_shape = call.shape_in(0);
    const Windows w = windows(call.attributes(), {src_shape.begin() + 2, src_shape.end()});
    return dispatch(call.dtype_in(0), [&]<class T>() {
      return Kernel{[positions = image_positions(w, columns_of(w)), images = src_shape.elements(0, 2),
                     image = src_shape.elements(2, src_shape.rank())](const Operands& operands) {
        T* dst = operands.out<T>();
        for (std::int64_t i = 0; i < images; ++i) {
          const T* src = operands.in<T>(0) + i * image;
          for (const std::int64_t position : positions) *dst++ = position < 0 ? T{} : src[position];
        }
      }};
    });
  };
  return op;
}

Op col2im() {
  Op op;
  op.name = "col2im";
  op.doc = "Columns added up where im2col took them from: (batch, channels * taps, windows) to (batch, channels, …).";
  op.attributes = window_attributes();
  op.attributes.push_back(ints("output_size"));
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.is_known()) return;
    if (src.rank() != 3) shapes.refuse("the input must be (batch, channels * taps, windows), but is {}", src.str());
    const Shape size(shapes.attributes().ints("output_size"));
    for (const std::int64_t number : size) {
      if (number < 1) shapes.refuse("output_size={} must be positive", size.str());
    }
    const auto columns = checked_columns(shapes, windows(shapes.attributes(), {size.begin(), size.end()}));
    if (src[1] % columns.taps != 0 || src[2] != columns.steps) {
      shapes.refuse("the input {} must have a multiple of {} on axis 1 and {} on axis 2", src.str(), columns.taps,
                    columns.steps);
    }
    shapes.set_out(0, joined({src[0], src[1] / columns.taps}, size));
  };
  op.reference = [](const OpCall& call) {
    const Shape& dst_shape = call.shape_out();
    const Windows w = windows(call.attributes(), {dst_shape.begin() + 2, dst_shape.end()});
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[positions = image_positions(w, columns_of(w)), images = dst_shape.elements(0, 2),
                     image = dst_shape.elements(2, dst_shape.rank())](const Operands& operands) {
        const T* src = operands.in<T>(0);
        std::fill_n(operands.out<T>(), images * image, T{});
        for (std::int64_t i = 0; i < images; ++i) {
          T* dst = operands.out<T>() + i * image;
          for (const std::int64_t position : positions) {
            if (position >= 0) dst[position] = store<T>(load(dst[position]) + load(*src));
            ++src;
          }
        }
      }};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> im2col_ops() {
  return {im2col(), col2im()};
}

}  // namespace tenon
