// Element-wise operators of quantized tensors.

#include <cmath>

#include "ops/quantization.h"
#include "ops/registry.h"

namespace tenon {
namespace {

void pair_shape(ShapeInference& shapes) {
  for (const int i : {0, 1, 0}) {
    shapes.set_in(i, shapes.out());
    shapes.set_out(0, shapes.in(i));
  }
  infer_range_shapes(shapes, 2);
}

/// 32 bits, or 8 with a calibrated range: unsigned when both inputs are.
void pair_type(TypeInference& types) {
  require_quantized(types, 0);
  require_quantized(types, 1);
  infer_range_types(types, 2);
  if (!calibrated_range(types.attributes())) return types.set_out(0, DType::int32);
  if (!types.in(0) || !types.in(1)) return;
  const bool is_unsigned = types.in(0) == DType::uint8 && types.in(1) == DType::uint8;
  types.set_out(0, is_unsigned ? DType::uint8 : DType::int8);
}

Kernel add_kernel(const OpCall& call) {
  return {[count = call.shape_out().elements(), left = call.dtype_in(0), right = call.dtype_in(1),
           to = call.dtype_out(), read_left = reader<float>(call.dtype_in(0)),
           read_right = reader<float>(call.dtype_in(1)), write = writer<std::int64_t>(call.dtype_out()),
           calibrated = calibrated_range(call.attributes())](const Operands& operands) {
    const float left_end = magnitude(operands, 2, 3), right_end = magnitude(operands, 4, 5);
    const float end = calibrated ? magnitude(*calibrated) : left_end + right_end;
    const float left_scale = left_end * half_levels(to) / (half_levels(left) * end);
    const float right_scale = right_end * half_levels(to) / (half_levels(right) * end);
    for (std::int64_t i = 0; i < count; ++i) {
      float l, r;
      read_left(operands.src[0], i, 1, 1, &l);
      read_right(operands.src[1], i, 1, 1, &r);
      const auto sum = static_cast<std::int64_t>(saturated(l * left_scale + r * right_scale, to));
      write(operands.dst[0], i, 1, &sum);
    }
    put_range(operands, calibrated.value_or(Range{-end, end}));
  }};
}

Op add_op() {
  Op op;
  op.name = "_contrib_quantized_elemwise_add";
  op.doc = "The sum of two quantized tensors, in 32 bits or in 8 over the calibrated range.";
  op.inputs = always({"lhs", "rhs", "lhs_min", "lhs_max", "rhs_min", "rhs_max"});
  op.outputs = quantized_outputs();
  op.attributes = calibration_attributes();
  op.infer_shape = pair_shape;
  op.infer_type = pair_type;
  op.reference = add_kernel;
  return op;
}

/// Products stay exact in 32 bits. Over a calibrated range they are truncated to 8 and wrap around, as MXNet's do.
Kernel mul_kernel(const OpCall& call) {
  return {[count = call.shape_out().elements(), left = call.dtype_in(0), right = call.dtype_in(1),
           to = call.dtype_out(), read_left = reader<std::int64_t>(call.dtype_in(0)),
           read_right = reader<std::int64_t>(call.dtype_in(1)), write = writer<std::int64_t>(call.dtype_out()),
           calibrated = calibrated_range(call.attributes())](const Operands& operands) {
    const float left_end = magnitude(operands, 2, 3), right_end = magnitude(operands, 4, 5);
    const float unit = left_end / half_levels(left) * (right_end / half_levels(right));
    const float scale = calibrated ? unit * half_levels(to) / magnitude(*calibrated) : 1.0f;
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t l, r;
      read_left(operands.src[0], i, 1, 1, &l);
      read_right(operands.src[1], i, 1, 1, &r);
      if (to == DType::float32) {
        operands.out<float>()[i] = static_cast<float>(l * r) * unit;
        continue;
      }
      const auto product = calibrated ? convert<std::int64_t>(static_cast<float>(l * r) * scale) : l * r;
      write(operands.dst[0], i, 1, &product);
    }
    if (to == DType::float32) return;
    const float end = left_end / levels(left) * (right_end / levels(right)) * levels(DType::int32);
    put_range(operands, calibrated.value_or(Range{-end, end}));
  }};
}

bool gives_floats(const Attributes& attributes) {
  return attributes.flag("enable_float_output");
}

Op mul_op() {
  Op op = add_op();
  op.name = "_contrib_quantized_elemwise_mul";
  op.doc = "The product of two quantized tensors, in 32 bits, in 8 over the calibrated range, or as real numbers.";
  op.outputs = [](const Attributes& attributes) {
    return gives_floats(attributes) ? std::vector<std::string>{"output"} : quantized_outputs()(attributes);
  };
  op.attributes.push_back(boolean("enable_float_output").or_else(false));
  op.infer_type = [](TypeInference& types) {
    if (!gives_floats(types.attributes())) return pair_type(types);
    infer_range_types(types, 2);
    types.set_out(0, DType::float32);
  };
  op.reference = mul_kernel;
  return op;
}

/// Only what quantization keeps: relu. The result is of type int8 even where the data is uint8, bit by bit.
Kernel act_kernel(const OpCall& call) {
  if (call.attributes().text("act_type") != "relu") {
    call.refuse(ErrorCode::unsupported, "act_type={} has no quantized form; only relu has",
                call.attributes().text("act_type"));
  }
  return {
      [count = call.shape_out().elements(), read = reader<std::int64_t>(call.dtype_in(0))](const Operands& operands) {
        for (std::int64_t i = 0; i < count; ++i) {
          std::int64_t value;
          read(operands.src[0], i, 1, 1, &value);
          operands.out<std::uint8_t>()[i] = static_cast<std::uint8_t>(std::max<std::int64_t>(value, 0));
        }
        put_range(operands, {*operands.in<float>(1), *operands.in<float>(2)});
      }};
}

Op act_op() {
  Op op;
  op.name = "_contrib_quantized_act";
  op.doc = "relu of a quantized tensor, in the same range.";
  op.inputs = always({"data", "min_data", "max_data"});
  op.outputs = quantized_outputs();
  op.attributes = {choice("act_type", {"relu", "sigmoid", "softrelu", "softsign", "tanh"})};
  op.infer_shape = [](ShapeInference& shapes) {
    shapes.set_in(0, shapes.out());
    shapes.set_out(0, shapes.in(0));
    infer_range_shapes(shapes, 1);
  };
  op.infer_type = [](TypeInference& types) {
    require_quantized(types, 0);
    types.set_out(0, DType::int8);
    infer_range_types(types, 1);
  };
  op.reference = act_kernel;
  return op;
}

/// The normalisation as one multiplication and addition a channel. MXNet hands oneDNN a mean of 0 and a variance of 1,
/// to which oneDNN adds eps once more: hence the second root. uint8 data is halved to int8 first.
Kernel batch_norm_kernel(const OpCall& call) {
  const auto calibrated = calibrated_range(call.attributes());
  if (!calibrated) call.refuse(ErrorCode::unsupported, "min_calib_range and max_calib_range must be given");
  const Shape& shape = call.shape_in(0);
  return {[batch = shape[0], channels = shape[1], inner = shape.elements(2, shape.rank()), calibrated,
           halved = call.dtype_in(0) == DType::uint8, eps = static_cast<float>(call.attributes().real("eps")),
           read = reader<std::int64_t>(call.dtype_in(0))](const Operands& operands) {
    const float ratio = magnitude(operands, 5, 6) / magnitude(*calibrated);
    const float unit = half_levels(DType::int8) / magnitude(*calibrated);
    for (std::int64_t plane = 0; plane < batch * channels; ++plane) {
      const std::int64_t channel = plane % channels;
      const float gain = operands.in<float>(1)[channel] / std::sqrt(operands.in<float>(4)[channel] + eps);
      const float slope = gain * ratio / std::sqrt(1 + eps);
      const float offset = (operands.in<float>(2)[channel] - operands.in<float>(3)[channel] * gain) * unit;
      for (std::int64_t i = plane * inner; i < (plane + 1) * inner; ++i) {
        std::int64_t value;
        read(operands.src[0], i, 1, 1, &value);
        const auto x = static_cast<float>(halved ? value / 2 : value);
        operands.out<std::int8_t>()[i] = static_cast<std::int8_t>(saturated(x * slope + offset, DType::int8));
      }
    }
    put_range(operands, *calibrated);
  }};
}

Op batch_norm_op() {
  Op op;
  op.name = "_contrib_quantized_batch_norm";
  op.doc = "Batch normalisation over axis 1 of a quantized tensor, over the calibrated range.";
  op.inputs = always({"data", "gamma", "beta", "moving_mean", "moving_var", "min_data", "max_data"});
  op.auxiliary = {3, 4};
  op.outputs = quantized_outputs();
  op.attributes = {real("eps").or_else(1e-3),
                   real("momentum").or_else(0.9),
                   boolean("fix_gamma").or_else(true),
                   boolean("use_global_stats").or_else(false),
                   boolean("output_mean_var").or_else(false),
                   integer("axis").or_else(1),
                   boolean("cudnn_off").or_else(false),
                   real("min_calib_range").or_none(),
                   real("max_calib_range").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    if (shapes.attributes().integer("axis") != 1) {
      shapes.refuse("axis={} has no quantized form; only axis 1 has", shapes.attributes().integer("axis"));
    }
    shapes.set_in(0, shapes.out());
    shapes.set_out(0, shapes.in(0));
    infer_range_shapes(shapes, 5);
    const Shape& data = shapes.in(0);
    if (!data.has_rank()) return;
    if (data.rank() < 2) shapes.refuse("data has shape {}; it needs a batch and a channel axis", data.str());
    for (int i = 1; i < 5; ++i) shapes.set_in(i, Shape{data[1]});
  };
  op.infer_type = [](TypeInference& types) {
    require_quantized(types, 0);
    types.set_out(0, DType::int8);
    infer_range_types(types, 1);
  };
  op.reference = batch_norm_kernel;
  return op;
}

}  // namespace

std::vector<Op> quantized_arithmetic_ops() {
  return {add_op(), mul_op(), act_op(), batch_norm_op()};
}

}  // namespace tenon
