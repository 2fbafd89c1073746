#pragma once

#include <string_view>

#include "ops/elementwise.h"

namespace tenon {

/// A function of two numbers, as MXNet defines it, for the operators of equal shapes, with broadcasting, and with a
/// scalar.
struct NamedFunction {
  std::string_view name;  ///< "add", "mod", "greater_equal", …
  std::string_view doc;
  BinaryFunction function;
};

/// add, sub, mul, div, mod, power, maximum, minimum, hypot, and the comparisons and logic, which give 0 or 1 in the
/// type of their operands.
const std::vector<NamedFunction>& binary_functions();

/// The type that two operands of numpy mode meet in: the floating one, else the wider one.
DType promoted_type(DType left, DType right);

}  // namespace tenon
