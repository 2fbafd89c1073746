// Element-wise functions of a tensor and a number.

#include "ops/binary.h"
#include "ops/registry.h"

namespace tenon {
namespace {

struct ScalarNames {
  std::string_view function;  ///< among binary_functions()
  bool reversed;              ///< the scalar stands on the left
  std::string name;
  std::vector<std::string> aliases;
};

const std::vector<ScalarNames>& scalar_names() {
  static const std::vector<ScalarNames> names = {
      {"add", false, "_plus_scalar", {"_PlusScalar"}},
      {"add", false, "_scatter_plus_scalar", {}},
      {"sub", false, "_minus_scalar", {"_MinusScalar"}},
      {"sub", false, "_scatter_minus_scalar", {}},
      {"sub", true, "_rminus_scalar", {"_RMinusScalar"}},
      {"mul", false, "_mul_scalar", {"_MulScalar"}},
      {"div", false, "_div_scalar", {"_DivScalar"}},
      {"div", true, "_rdiv_scalar", {"_RDivScalar"}},
      {"mod", false, "_mod_scalar", {"_ModScalar"}},
      {"mod", true, "_rmod_scalar", {"_RModScalar"}},
      {"power", false, "_power_scalar", {"_PowerScalar"}},
      {"power", true, "_rpower_scalar", {"_RPowerScalar"}},
      {"maximum", false, "_maximum_scalar", {"_MaximumScalar", "_npi_maximum_scalar"}},
      {"minimum", false, "_minimum_scalar", {"_MinimumScalar", "_npi_minimum_scalar"}},
      {"hypot", false, "_hypot_scalar", {"_HypotScalar", "_npi_hypot_scalar"}},
      {"equal", false, "_equal_scalar", {"_EqualScalar"}},
      {"not_equal", false, "_not_equal_scalar", {"_NotEqualScalar"}},
      {"greater", false, "_greater_scalar", {"_GreaterScalar"}},
      {"greater_equal", false, "_greater_equal_scalar", {"_GreaterEqualScalar"}},
      {"lesser", false, "_lesser_scalar", {"_LesserScalar"}},
      {"lesser_equal", false, "_lesser_equal_scalar", {"_LesserEqualScalar"}},
      {"logical_and", false, "_logical_and_scalar", {"_LogicalAndScalar"}},
      {"logical_or", false, "_logical_or_scalar", {"_LogicalOrScalar"}},
      {"logical_xor", false, "_logical_xor_scalar", {"_LogicalXorScalar"}},
  };
  return names;
}

/// Integers stay what they are unless the scalar is fractional (is_int False), then the result is float64; bool becomes
/// int64 or float64.
void scalar_type(TypeInference& types) {
  const auto src = types.in(0);
  const bool is_int = types.attributes().flag("is_int");
  if (src == DType::boolean) {
    types.set_out(0, is_int ? DType::int64 : DType::float64);
  } else if (src && !is_floating(*src) && !is_int) {
    types.set_out(0, DType::float64);
  } else {
    same_type(types);
  }
}

Op scalar_op(const ScalarNames& names, const NamedFunction& named) {
  Op op;
  op.name = names.name;
  op.aliases = names.aliases;
  op.doc = fmt::format("{} {}", named.doc, names.reversed ? "l is the scalar, r the data." : "r is the scalar.");
  op.attributes = {real("scalar").or_else(1.0), boolean("is_int").or_else(true)};
  op.infer_shape = same_shape;
  op.infer_type = scalar_type;
  op.reference = [&function = named.function, reversed = names.reversed](const OpCall& call) {
    return scalar_kernel(call, function, call.attributes().real("scalar"), reversed);
  };
  return op;
}

}  // namespace

std::vector<Op> scalar_ops() {
  std::vector<Op> ops;
  for (const ScalarNames& names : scalar_names()) {
    for (const NamedFunction& named : binary_functions()) {
      if (named.name == names.function) ops.push_back(scalar_op(names, named));
    }
  }
  return ops;
}

}  // namespace tenon
