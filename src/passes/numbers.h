#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "passes/epilogue.h"

namespace tenon {

/// A constant of an epilogue: one number, or one a channel. In double, so that several can be joined and rounded once.
struct Numbers {
  std::vector<double> values;
  std::optional<Value> origin;  ///< the constant that holds these values, while they are unchanged

  bool all(double number) const;
  /// As a leaf: a literal, or an operand of the epilogue, which is a new constant where there is none yet.
  Expression leaf(Body& body, Epilogue& epilogue, const std::string& name) const;
};

/// What a leaf of the epilogue's expressions holds, where that is constant.
std::optional<Numbers> numbers_of(const Body& body, const Epilogue& epilogue, const Shape& out, const Expression& leaf);

/// function(a, b) channel by channel; a single number goes with every channel. NaN where the function has no value.
Numbers combine(std::string_view function, const Numbers& a, const Numbers& b);

}  // namespace tenon
