// Conversions between element types.

#include "ops/elementwise.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// Converts in the arithmetic of the source: exact until the last rounding.
Kernel cast_kernel(const OpCall& call) {
  static const UnaryFunction same = unary_function([](auto x) { return x; });
  return unary_kernel(call, same, call.dtype_in(0));
}

Op cast_op(std::string name, std::vector<std::string> aliases, AttributeSpec dtype) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = "x in another element type; floating to integer truncates, halves round to nearest even.";
  op.attributes = {std::move(dtype)};
  op.infer_shape = same_shape;
  op.infer_type = [](TypeInference& types) { types.set_out(0, types.attributes().dtype("dtype")); };
  op.reference = cast_kernel;
  return op;
}

/// The widest floating type among the inputs, or the narrowest.
void multicast_type(TypeInference& types) {
  const bool narrow = types.attributes().flag("cast_narrow");
  std::optional<DType> common;
  for (int i = 0; i < types.inputs(); ++i) {
    const auto dtype = types.in(i);
    if (!dtype) return;
    if (!is_floating(*dtype))
      types.refuse("input {} is {}, but only floating types are cast together", i, name(*dtype));
    const bool better = common && (narrow ? size_of(*dtype) < size_of(*common) : size_of(*dtype) > size_of(*common));
    if (!common || better) common = dtype;
  }
  for (int i = 0; i < types.outputs(); ++i) types.set_out(i, common);
}

void multicast_shape(ShapeInference& shapes) {
  for (int i = 0; i < shapes.inputs(); ++i) {
    shapes.set_in(i, shapes.out(i));
    shapes.set_out(i, shapes.in(i));
  }
}

Kernel multicast_kernel(const OpCall& call) {
  std::vector<Kernel> casts;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    casts.push_back(cast_kernel({call.node, {call.inputs[i]}, {call.outputs[i]}, call.np_shape}));
  }
  return {[casts](const Operands& operands) {
    for (std::size_t i = 0; i < casts.size(); ++i) {
      if (operands.dst[i] != nullptr) casts[i].run({operands.src.subspan(i, 1), operands.dst.subspan(i, 1), nullptr});
    }
  }};
}

Op multicast_op() {
  Op op;
  op.name = "amp_multicast";
  op.doc = "Every input in the widest floating type among them, or the narrowest.";
  op.inputs = counted("num_outputs", "data_");
  op.outputs = counted("num_outputs", "output");
  op.attributes = {integer("num_outputs").at_least(1), boolean("cast_narrow").or_else(false)};
  op.infer_shape = multicast_shape;
  op.infer_type = multicast_type;
  op.reference = multicast_kernel;
  return op;
}

}  // namespace

std::vector<Op> cast_ops() {
  return {
      cast_op("Cast", {"cast", "_npi_cast", "_npx_cast"}, dtype_choice("dtype")),
      cast_op("amp_cast", {},
              dtype_choice("dtype", {"float32", "float64", "float16", "bfloat16", "uint8", "int8", "int32", "int64"})),
      multicast_op(),
  };
}

}  // namespace tenon
