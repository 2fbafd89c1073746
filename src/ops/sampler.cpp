// Sampling along a grid: GridGenerator, BilinearSampler, and both in one, SpatialTransformer.

#include <cmath>

#include "core/dispatch.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

/// target_shape as (height, width), each at least 1.
std::pair<std::int64_t, std::int64_t> target_shape(const ShapeInference& shapes) {
  const auto target = shapes.attributes().ints("target_shape");
  if (target.size() != 2 || target[0] < 1 || target[1] < 1) {
    shapes.refuse("target_shape is {}, but a height and a width of at least 1 are expected",
                  Shape(std::vector<std::int64_t>(target)).str());
  }
  return {target[0], target[1]};
}

/// Pixel i of `size` in units of the image, -1 to 1. A size of 1 gives NaN, as in MXNet.
template <class A>
A unit(std::int64_t i, std::int64_t size) {
  return static_cast<A>(-1.0 + static_cast<double>(i) * (2.0 / static_cast<double>(size - 1)));
}

/// The point that the affine map `theta` (2 x 3) takes pixel (y, x) to: axis 0 is x, axis 1 is y.
template <class T, class A = arithmetic_t<T>>
A affine(const T* theta, int axis, std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width) {
  const T* row = theta + 3 * axis;
  return load(row[0]) * unit<A>(x, width) + load(row[1]) * unit<A>(y, height) + load(row[2]);
}

/// The image's value at a point in its units.
template <class T, class A = arithmetic_t<T>>
A sample(const Plane<T>& plane, A x, A y) {
  return bilinear_or_zero(plane, (y + 1) * static_cast<A>(plane.height - 1) / 2,
                          (x + 1) * static_cast<A>(plane.width - 1) / 2);
}

// GridGenerator.

bool is_affine(const Attributes& attributes) {
  return attributes.text("transform_type") == "affine";
}

void infer_grid_shape(ShapeInference& shapes) {
  if (is_affine(shapes.attributes())) {
    const auto [height, width] = target_shape(shapes);
    shapes.set_in(0, Shape{Shape::unknown, 6});
    shapes.set_out(0, Shape{shapes.in(0)[0], 2, height, width});
    shapes.set_out(1, Shape{3, Shape{height, width}.elements()});
    return;
  }
  shapes.set_in(0, shapes.out());
  shapes.set_in(0, Shape{Shape::unknown, 2, Shape::unknown, Shape::unknown});
  shapes.set_out(0, shapes.in(0));
  shapes.set_out(1, Shape{2, shapes.in(0)[2], shapes.in(0)[3]});
}

template <class T>
Kernel make_grid(const OpCall& call) {
  using A = arithmetic_t<T>;
  return {[batch = call.shape_out()[0], height = call.shape_out()[2], width = call.shape_out()[3],
           from_affine = is_affine(call.attributes())](const Operands& operands) {
    T* dst = operands.out<T>();
    for (std::int64_t i = 0; i < batch * 2 * height * width; ++i) {
      const std::int64_t x = i % width, y = i / width % height, n = i / width / height / 2;
      const int axis = static_cast<int>(i / width / height % 2);
      if (from_affine) {
        dst[i] = store<T>(affine(operands.in<T>(0) + 6 * n, axis, y, x, height, width));
      } else {
        // An optical flow in pixels.
        const A pixel = load(operands.in<T>(0)[i]) + static_cast<A>(axis == 0 ? x : y);
        dst[i] = store<T>(pixel / ((static_cast<A>(axis == 0 ? width : height) - 1) / 2) - 1);
      }
    }
    T* target = operands.out<T>(1);
    if (target == nullptr) return;
    for (std::int64_t i = 0; i < (from_affine ? 3 : 2) * height * width; ++i) {
      const std::int64_t x = i % width, y = i / width % height, row = i / width / height;
      const A number = from_affine ? (row == 0   ? unit<A>(x, width)
                                      : row == 1 ? unit<A>(y, height)
                                                 : A{1})
                                   : static_cast<A>(row == 0 ? x : y);
      target[i] = store<T>(number);
    }
  }};
}

Op grid_generator() {
  Op op;
  op.name = "GridGenerator";
  op.doc = "A sampling grid (N, 2, H, W), x before y, in -1 to 1: from affine maps (N, 6), or from an optical flow.";
  op.outputs = always({"output", "grid_dst"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {choice("transform_type", {"affine", "warp"}), ints("target_shape").or_else(IntTuple{0, 0})};
  op.infer_shape = infer_grid_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() { return make_grid<T>(call); });
  };
  return op;
}

// BilinearSampler.

Op bilinear_sampler() {
  Op op;
  op.name = "BilinearSampler";
  op.doc = "dst[n, c, y, x] = data[n, c] at grid[n, :, y, x], bilinear, zero outside.";
  op.inputs = always({"data", "grid"});
  op.outputs = always({"output", "tmp"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {boolean("cudnn_off").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    const bool ranked = has_rank(shapes, 0, 4, "(batch, channel, y, x)");
    if (!has_rank(shapes, 1, 4, "(batch, 2, y, x)") || !ranked) return;
    shapes.set_in(1, Shape{shapes.in(0)[0], 2, Shape::unknown, Shape::unknown});
    const Shape grid = shapes.in(1);
    shapes.set_out(0, Shape{grid[0], shapes.in(0)[1], grid[2], grid[3]});
    shapes.set_out(1, Shape{grid[0], grid[2], grid[3], 2});
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[in = call.shape_in(0), out = call.shape_out()](const Operands& operands) {
        T* dst = operands.out<T>();
        const std::int64_t pixels = out[2] * out[3];
        for (std::int64_t p = 0; p < in[0] * in[1]; ++p) {
          const Plane<T> plane{operands.in<T>(0) + p * in[2] * in[3], in[2], in[3]};
          const T* grid = operands.in<T>(1) + p / in[1] * 2 * pixels;
          for (std::int64_t i = 0; i < pixels; ++i)
            *dst++ = store<T>(sample(plane, load(grid[i]), load(grid[pixels + i])));
        }
      }};
    });
  };
  return op;
}

// SpatialTransformer.

void infer_transformer_shape(ShapeInference& shapes) {
  const auto [height, width] = target_shape(shapes);
  if (!has_rank(shapes, 0, 4, "(batch, channel, y, x)")) return;
  const Shape data = shapes.in(0);
  shapes.set_in(1, Shape{data[0], 6});
  shapes.set_out(0, Shape{data[0], data[1], height, width});
  const std::int64_t pixels = Shape{height, width}.elements();
  shapes.set_out(1, Shape{3, pixels});
  shapes.set_out(2, Shape{data[0], 2, pixels});
}

Op spatial_transformer() {
  Op op;
  op.name = "SpatialTransformer";
  op.doc = "data sampled along the grid of an affine map: GridGenerator and BilinearSampler in one.";
  op.inputs = always({"data", "loc"});
  op.outputs = always({"output", "grid_dst", "grid_src"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {ints("target_shape").or_else(IntTuple{0, 0}), choice("transform_type", {"affine"}),
                   choice("sampler_type", {"bilinear"}), boolean("cudnn_off").or_none()};
  op.infer_shape = infer_transformer_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[in = call.shape_in(0), out = call.shape_out()](const Operands& operands) {
        T* dst = operands.out<T>();
        for (std::int64_t p = 0; p < in[0] * in[1]; ++p) {
          const Plane<T> plane{operands.in<T>(0) + p * in[2] * in[3], in[2], in[3]};
          const T* theta = operands.in<T>(1) + p / in[1] * 6;
          for (std::int64_t y = 0; y < out[2]; ++y) {
            for (std::int64_t x = 0; x < out[3]; ++x) {
              *dst++ = store<T>(
                  sample(plane, affine(theta, 0, y, x, out[2], out[3]), affine(theta, 1, y, x, out[2], out[3])));
            }
          }
        }
      }};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> sampler_ops() {
  return {grid_generator(), bilinear_sampler(), spatial_transformer()};
}

}  // namespace tenon
