// From real numbers to quantized ones, back, and from 32 bits to 8.

#include <limits>

#include "ops/quantization.h"
#include "ops/registry.h"

namespace tenon {

void infer_range_shapes(ShapeInference& shapes, int first) {
  for (int i = first; i < shapes.inputs(); ++i) shapes.set_in(i, Shape{1});
  for (int i = 1; i < shapes.outputs(); ++i) shapes.set_out(i, Shape{1});
}

void infer_range_types(TypeInference& types, int first) {
  for (int i = first; i < types.inputs(); ++i) types.set_in(i, DType::float32);
  for (int i = 1; i < types.outputs(); ++i) types.set_out(i, DType::float32);
}

void require_quantized(const TypeInference& types, int input) {
  const auto dtype = types.in(input);
  if (!dtype || *dtype == DType::int8 || *dtype == DType::uint8) return;
  types.refuse("input {} is {}, but quantized data is int8 or uint8", input, name(*dtype));
}

std::vector<AttributeSpec> calibration_attributes() {
  return {real("min_calib_range").or_none(), real("max_calib_range").or_none()};
}

std::optional<Range> calibrated_range(const Attributes& attributes) {
  if (!attributes.has("min_calib_range") || !attributes.has("max_calib_range")) return std::nullopt;
  return Range{static_cast<float>(attributes.real("min_calib_range")),
               static_cast<float>(attributes.real("max_calib_range"))};
}

Names quantized_outputs() {
  return always({"output", "min_output", "max_output"});
}

namespace {

template <class T>
Range range_of(const T* src, std::int64_t count) {
  if (count == 0) return {0, 0};
  const auto [least, greatest] = std::minmax_element(src, src + count);
  return {static_cast<float>(*least), static_cast<float>(*greatest)};
}

/// dst = src * scale to the nearest, and the range it stands for: signed numbers use both sides alike.
template <class From>
void quantize(const Operands& operands, std::int64_t count, float scale, DType to, Range range) {
  const From* src = operands.in<From>(0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<std::int64_t>(saturated(static_cast<float>(src[i]) * scale, to));
    operands.out<std::uint8_t>()[i] = static_cast<std::uint8_t>(value);
  }
  if (to == DType::uint8) return put_range(operands, range);
  const float end = magnitude(range);
  put_range(operands, {-end, end});
}

/// A range of zeros only has nothing to scale.
float scale_to(float levels_there, float end) {
  return end > 0 ? levels_there / end : 0;
}

void quantize_shape(ShapeInference& shapes) {
  shapes.set_in(0, shapes.out());
  shapes.set_out(0, shapes.in(0));
  infer_range_shapes(shapes, 1);
}

Op quantize_op() {
  Op op;
  op.name = "_contrib_quantize";
  op.doc = "data scaled from the given range to int8 or uint8.";
  op.inputs = always({"data", "min_range", "max_range"});
  op.outputs = always({"output0", "output1", "output2"});
  op.attributes = {choice("out_type", {"int8", "uint8"}).or_else("uint8")};
  op.infer_shape = quantize_shape;
  op.infer_type = [](TypeInference& types) {
    types.set_in(0, DType::float32);
    types.set_out(0, types.attributes().dtype("out_type"));
    infer_range_types(types, 1);
  };
  op.reference = [](const OpCall& call) {
    return Kernel{[count = call.shape_out().elements(), to = call.dtype_out()](const Operands& operands) {
      const Range range{*operands.in<float>(1), *operands.in<float>(2)};
      quantize<float>(operands, count, scale_to(levels(to), magnitude(range)), to, range);
    }};
  };
  return op;
}

/// auto is unsigned where calibration says that nothing is negative.
DType chosen_type(const Attributes& attributes) {
  if (attributes.text("out_type") != "auto") return attributes.dtype("out_type");
  const auto range = calibrated_range(attributes);
  return range && range->low >= 0 ? DType::uint8 : DType::int8;
}

Op quantize_v2_op() {
  Op op;
  op.name = "_contrib_quantize_v2";
  op.doc = "data scaled from its calibrated range, else from its own, to int8 or uint8.";
  op.outputs = always({"output0", "output1", "output2"});
  op.attributes = calibration_attributes();
  op.attributes.push_back(choice("out_type", {"auto", "int8", "uint8"}).or_else("int8"));
  op.infer_shape = quantize_shape;
  op.infer_type = [](TypeInference& types) {
    types.set_in(0, DType::float32);
    types.set_out(0, chosen_type(types.attributes()));
    infer_range_types(types, 1);
  };
  op.reference = [](const OpCall& call) {
    return Kernel{[count = call.shape_out().elements(), to = call.dtype_out(),
                   known = calibrated_range(call.attributes())](const Operands& operands) {
      const Range range = known ? *known : range_of(operands.in<float>(0), count);
      quantize<float>(operands, count, scale_to(half_levels(to), magnitude(range)), to, range);
    }};
  };
  return op;
}

Op dequantize_op() {
  Op op;
  op.name = "_contrib_dequantize";
  op.doc = "The real numbers that quantized ones stand for.";
  op.inputs = always({"data", "min_range", "max_range"});
  op.attributes = {choice("out_type", {"float32"}).or_else("float32")};
  op.infer_shape = quantize_shape;
  op.infer_type = [](TypeInference& types) {
    if (types.in(0) != DType::int32) require_quantized(types, 0);
    types.set_out(0, DType::float32);
    infer_range_types(types, 1);
  };
  op.reference = [](const OpCall& call) {
    return Kernel{[count = call.shape_out().elements(), from = call.dtype_in(0),
                   read = reader<float>(call.dtype_in(0))](const Operands& operands) {
      const float scale = magnitude(operands, 1, 2) / half_levels(from);
      for (std::int64_t i = 0; i < count; ++i) {
        float value;
        read(operands.src[0], i, 1, 1, &value);
        operands.out<float>()[i] = value * scale;
      }
    }};
  };
  return op;
}

Op requantize_op() {
  Op op;
  op.name = "_contrib_requantize";
  op.doc = "32-bit results scaled to 8 bits, over their calibrated range or the one they have.";
  op.inputs = always({"data", "min_range", "max_range"});
  op.outputs = always({"output0", "output1", "output2"});
  op.attributes = calibration_attributes();
  op.attributes.push_back(choice("out_type", {"auto", "int8", "uint8"}).or_else("int8"));
  op.infer_shape = quantize_shape;
  op.infer_type = [](TypeInference& types) {
    types.set_in(0, DType::int32);
    types.set_out(0, chosen_type(types.attributes()));
    infer_range_types(types, 1);
  };
  op.reference = [](const OpCall& call) {
    return Kernel{[count = call.shape_out().elements(), to = call.dtype_out(),
                   known = calibrated_range(call.attributes())](const Operands& operands) {
      const float unit = magnitude(operands, 1, 2) / levels(DType::int32);
      Range range = known ? *known : range_of(operands.in<std::int32_t>(0), count);
      if (!known) range = {range.low * unit, range.high * unit};
      const float scale = scale_to(levels(to), magnitude(range)) * unit;
      quantize<std::int32_t>(operands, count, scale, to, range);
    }};
  };
  return op;
}

}  // namespace

std::vector<Op> quantize_ops() {
  return {quantize_op(), quantize_v2_op(), dequantize_op(), requantize_op()};
}

}  // namespace tenon
