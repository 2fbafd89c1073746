// Correlation of two feature maps over displacements (FlowNet).

#include <cmath>

#include "core/dispatch.h"
#include "ops/correlation.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

void infer_correlation_shape(ShapeInference& shapes) {
  const CorrelationParameters p(shapes.attributes());
  if (p.kernel % 2 == 0) shapes.refuse("kernel_size is {}, but an odd number is expected", p.kernel);
  for (int i = 0; i < 2; ++i) shapes.set_in(i, shapes.in(1 - i));
  if (!has_rank(shapes, 0, 4, "(batch, channel, y, x)")) return;
  const Shape data = shapes.in(0);
  const std::int64_t border = p.displacement + (p.kernel - 1) / 2;
  Shape padded{data[0], Shape::unknown, Shape::unknown, data[1]};
  Shape dst{data[0], p.grid * p.grid, Shape::unknown, Shape::unknown};
  for (int axis = 2; axis < 4; ++axis) {
    if (data[axis] == Shape::unknown) continue;
    padded[axis - 1] = data[axis] + 2 * p.pad;
    dst[axis] = (padded[axis - 1] - 2 * border + p.stride1 - 1) / p.stride1;
    if (padded[axis - 1] - 2 * border < 1) {
      shapes.refuse("'data1' of shape {} padded by {} is smaller along axis {} than twice the border of {}", data.str(),
                    p.pad, axis, border);
    }
  }
  shapes.set_out(0, dst);
  shapes.set_out(1, padded);
  shapes.set_out(2, padded);
}

template <class T>
Kernel make_correlation(const OpCall& call) {
  using A = arithmetic_t<T>;
  return {[p = CorrelationParameters(call.attributes()), in = call.shape_in(0),
           out = call.shape_out()](const Operands& operands) {
    T* dst = operands.out<T>();
    const auto plane = [&](int input, std::int64_t n, std::int64_t channel) {
      return Plane<T>{operands.in<T>(input) + (n * in[1] + channel) * in[2] * in[3], in[2], in[3]};
    };
    for (std::int64_t i = 0; i < out.elements(); ++i) {
      const std::int64_t x = i % out[3], y = i / out[3] % out[2], shift = i / out[3] / out[2] % out[1];
      const std::int64_t n = i / out[3] / out[2] / out[1];
      const std::int64_t dx = (shift % p.grid - p.radius) * p.stride2, dy = (shift / p.grid - p.radius) * p.stride2;
      const std::int64_t left = x * p.stride1 + p.displacement - p.pad, top = y * p.stride1 + p.displacement - p.pad;
      A sum = 0;
      for (std::int64_t row = top; row < top + p.kernel; ++row) {
        for (std::int64_t column = left; column < left + p.kernel; ++column) {
          for (std::int64_t channel = 0; channel < in[1]; ++channel) {
            const A a = plane(0, n, channel).or_zero(row, column),
                    b = plane(1, n, channel).or_zero(row + dy, column + dx);
            sum += p.multiply ? a * b : std::abs(a - b);
          }
        }
      }
      dst[i] = store<T>(sum / static_cast<A>(p.kernel * p.kernel * in[1]));
    }
  }};
}

Op correlation() {
  Op op;
  op.name = "Correlation";
  op.doc = "The mean product (or absolute difference) of patches of data1 with displaced patches of data2.";
  op.inputs = always({"data1", "data2"});
  op.outputs = always({"output", "tmp1", "tmp2"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {
      integer("kernel_size").or_else(1).at_least(1).at_most(1 << 15),
      integer("max_displacement").or_else(1).at_least(0).at_most(1 << 15),
      integer("stride1").or_else(1).at_least(1),
      integer("stride2").or_else(1).at_least(1),
      integer("pad_size").or_else(0).at_least(0).at_most(1 << 24),
      boolean("is_multiply").or_else(true),
  };
  op.infer_shape = infer_correlation_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() { return make_correlation<T>(call); });
  };
  return op;
}

}  // namespace

std::vector<Op> correlation_ops() {
  return {correlation()};
}

}  // namespace tenon
