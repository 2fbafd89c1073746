// FullyConnected: a dense layer.

#include "core/dispatch.h"
#include "graph/graph.h"

namespace tenon {
namespace {

/// dst[r, h] = bias[h] + sum over i of src[r, i] * weight[h, i].
template <class T>
void fully_connected(std::int64_t rows, std::int64_t hidden, std::int64_t inputs, bool has_bias,
                     const Operands& operands) {
  const T* src = operands.in<T>(0);
  const T* weight = operands.in<T>(1);
  const T* bias = has_bias ? operands.in<T>(2) : nullptr;
  T* dst = operands.out<T>();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t h = 0; h < hidden; ++h) {
      double sum = bias != nullptr ? load(bias[h]) : 0;
      for (std::int64_t i = 0; i < inputs; ++i) {
        sum += static_cast<double>(load(src[r * inputs + i])) * load(weight[h * inputs + i]);
      }
      dst[r * hidden + h] = store<T>(sum);
    }
  }
}

/// Elements of a row: of the last axis or, where the rest is flattened, of all axes but the first.
std::int64_t row_elements(const ShapeInference& shapes, const Shape& data) {
  if (!shapes.attributes().flag("flatten")) return data[data.rank() - 1];
  for (int axis = 1; axis < data.rank(); ++axis) {
    if (data[axis] == Shape::unknown) return Shape::unknown;
  }
  return data.elements(1, data.rank());
}

void infer_shape(ShapeInference& shapes) {
  const std::int64_t hidden = shapes.attributes().integer("num_hidden");
  if (!shapes.attributes().flag("no_bias")) {
    // Some old checkpoints hold the bias as a column.
    const bool column = shapes.in(2).rank() == 2;
    shapes.set_in(2, column ? Shape{hidden, 1} : Shape{hidden});
  }
  Shape data = shapes.in(0);
  if (!data.has_rank()) return;
  if (data.rank() == 0) shapes.refuse("'data' is a scalar, but at least one axis is expected");
  shapes.set_in(1, {hidden, row_elements(shapes, data)});

  const bool flatten = shapes.attributes().flag("flatten");
  Shape out = flatten ? Shape{data[0], hidden} : data;
  out[out.rank() - 1] = hidden;
  shapes.set_out(0, out);

  const int leading = flatten ? 1 : data.rank() - 1;
  for (int axis = 0; axis < leading; ++axis) data[axis] = shapes.out()[axis];
  if (!flatten || data.rank() == 2) data[data.rank() - 1] = shapes.in(1)[1];
  shapes.set_in(0, data);
}

Kernel make_kernel(const OpCall& call) {
  const Shape& out = call.shape_out();
  const std::int64_t hidden = out[out.rank() - 1], rows = out.elements(0, out.rank() - 1);
  const std::int64_t inputs = call.shape_in(1)[1];
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[=, has_bias = call.inputs.size() > 2](const Operands& operands) {
      fully_connected<T>(rows, hidden, inputs, has_bias, operands);
    }};
  });
}

Op fully_connected() {
  Op op;
  op.name = "FullyConnected";
  op.aliases = {"_npx_fully_connected", "_sparse_FullyConnected"};
  op.doc =
      "data * transposed weight + bias. flatten takes data as (batch, rest); otherwise the last axis is multiplied.";
  op.inputs = unless_last("no_bias", {"data", "weight", "bias"});
  op.attributes = {integer("num_hidden").at_least(1).at_most(INT32_MAX), boolean("no_bias").or_else(false),
                   boolean("flatten").or_else(true)};
  op.infer_shape = infer_shape;
  op.reference = make_kernel;
  return op;
}

}  // namespace

std::vector<Op> fully_connected_ops() {
  return {fully_connected()};
}

}  // namespace tenon
