// Resampling of images to another size.

#include <cmath>

#include "core/dispatch.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

// BilinearResize2D.

/// The sizes as MXNet computes them: in float, kept in 16 bits.
std::int64_t resized(const ShapeInference& shapes, std::int64_t size, const char* fixed, const char* scale) {
  const Attributes& attributes = shapes.attributes();
  const std::string& mode = attributes.text("mode");
  const bool odd = size % 2 != 0;
  const auto scaled = [&](std::int64_t value) {
    if (!attributes.has(scale)) shapes.refuse("mode {} needs {}, which is not given", mode, scale);
    return to_index(static_cast<float>(attributes.real(scale)) * static_cast<float>(value));
  };
  // Whether a size of mode `size` is scaled, scale_height alone decides.
  if (mode == "size") return attributes.has("scale_height") ? scaled(size) : attributes.integer(fixed);
  if (mode == "odd_scale") return odd ? scaled(size - 1) + 1 : scaled(size);
  if (mode == "to_even_down") return odd ? size - 1 : size;
  if (mode == "to_even_up") return odd ? size + 1 : size;
  if (mode == "to_odd_down") return odd ? size : size - 1;
  return odd ? size : size + 1;
}

void infer_resize_shape(ShapeInference& shapes) {
  if (!has_rank(shapes, 0, 4, "(batch, channel, y, x)")) return;
  const Shape data = shapes.in(0);
  Shape dst = data;
  if (shapes.attributes().text("mode") == "like") {
    if (!has_rank(shapes, 1, 4, "(batch, channel, y, x)")) return;
    dst[2] = shapes.in(1)[2];
    dst[3] = shapes.in(1)[3];
  } else {
    dst[2] = data[2] == Shape::unknown ? data[2] : resized(shapes, data[2], "height", "scale_height");
    dst[3] = data[3] == Shape::unknown ? data[3] : resized(shapes, data[3], "width", "scale_width");
  }
  for (const int axis : {2, 3}) {
    if (dst[axis] != Shape::unknown && (dst[axis] < 1 || dst[axis] > 32767)) {
      shapes.refuse("'data' of shape {} is resized to {} along axis {}, but 1 to 32767 is expected", data.str(),
                    dst[axis], axis);
    }
  }
  shapes.set_out(0, dst);
}

/// Where a pixel of the result lies in the source.
struct Axis {
  Axis(std::int64_t src, std::int64_t dst, bool corners) : align_corners(corners) {
    if (dst <= 1) return;
    scale = corners ? static_cast<float>(src - 1) / static_cast<float>(dst - 1)
                    : static_cast<float>(src) / static_cast<float>(dst);
  }
  float position(std::int64_t i) const {
    if (align_corners) return scale * static_cast<float>(i);
    return std::max(0.0f, static_cast<float>(scale * (static_cast<double>(i) + 0.5) - 0.5));
  }
  bool align_corners;
  float scale = 0;
};

Op bilinear_resize() {
  Op op;
  op.name = "_contrib_BilinearResize2D";
  op.doc = "Bilinear resampling of (N, C, H, W) to a size that is given, scaled, or another tensor's.";
  op.inputs = [](const Attributes& attributes) {
    return attributes.text("mode") == "like" ? std::vector<std::string>{"data", "like"}
                                             : std::vector<std::string>{"data"};
  };
  op.attributes = {
      integer("height").or_else(1).at_least(1),
      integer("width").or_else(1).at_least(1),
      real("scale_height").or_none(),
      real("scale_width").or_none(),
      choice("mode", {"size", "odd_scale", "like", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"})
          .or_else(std::string("size")),
      boolean("align_corners").or_else(true),
  };
  op.infer_shape = infer_resize_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      const Shape &in = call.shape_in(0), &out = call.shape_out();
      const bool corners = call.attributes().flag("align_corners");
      return Kernel{[planes = in[0] * in[1], in, out, rows = Axis(in[2], out[2], corners),
                     columns = Axis(in[3], out[3], corners)](const Operands& operands) {
        T* dst = operands.out<T>();
        for (std::int64_t p = 0; p < planes; ++p) {
          const Plane<T> plane{operands.in<T>(0) + p * in[2] * in[3], in[2], in[3]};
          for (std::int64_t y = 0; y < out[2]; ++y) {
            for (std::int64_t x = 0; x < out[3]; ++x) {
              *dst++ = store<T>(bilinear_clamped<T>(plane, rows.position(y), columns.position(x)));
            }
          }
        }
      }};
    });
  };
  return op;
}

// AdaptiveAvgPooling2D.

Op adaptive_average_pooling() {
  Op op;
  op.name = "_contrib_AdaptiveAvgPooling2D";
  op.doc = "The mean of (N, C, H, W) over output_size bins along y and x; without a size, over everything.";
  op.attributes = {ints("output_size").or_else(IntTuple{})};
  op.infer_shape = [](ShapeInference& shapes) {
    if (!has_rank(shapes, 0, 4, "(batch, channel, y, x)")) return;
    const auto size = shapes.attributes().ints("output_size");
    Shape dst = shapes.in(0);
    dst[2] = size.empty() || size.size() > 2 ? 1 : size[0];
    dst[3] = size.empty() || size.size() > 2 ? 1 : size.back();
    if (dst[2] < 1 || dst[3] < 1) {
      shapes.refuse("output_size asks for {} x {} bins, but at least 1 x 1 is expected", dst[2], dst[3]);
    }
    shapes.set_out(0, dst);
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      using A = arithmetic_t<T>;
      return Kernel{[in = call.shape_in(0), out = call.shape_out()](const Operands& operands) {
        T* dst = operands.out<T>();
        const auto first = [&](std::int64_t i, int axis) { return i * in[axis] / out[axis]; };
        const auto last = [&](std::int64_t i, int axis) { return ((i + 1) * in[axis] + out[axis] - 1) / out[axis]; };
        for (std::int64_t p = 0; p < in[0] * in[1]; ++p) {
          const Plane<T> plane{operands.in<T>(0) + p * in[2] * in[3], in[2], in[3]};
          for (std::int64_t y = 0; y < out[2]; ++y) {
            for (std::int64_t x = 0; x < out[3]; ++x) {
              A sum = 0;
              for (std::int64_t row = first(y, 2); row < last(y, 2); ++row) {
                for (std::int64_t column = first(x, 3); column < last(x, 3); ++column) sum += plane.at(row, column);
              }
              *dst++ = store<T>(sum / static_cast<A>((last(y, 2) - first(y, 2)) * (last(x, 3) - first(x, 3))));
            }
          }
        }
      }};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> resize_ops() {
  return {bilinear_resize(), adaptive_average_pooling()};
}

}  // namespace tenon
