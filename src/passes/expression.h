#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tenon {

/// A scalar function of an epilogue or of a pointwise node: its name in the text form, its arity, its formula.
struct ExpressionFunction {
  std::string_view name;
  int arity;
  float (*evaluate)(const float* arguments);
};

/// Every function an expression may call, in one table; a backend generates code for each.
std::span<const ExpressionFunction> expression_functions();

/// One value computed for every element: a tree over
///
///     x       the element that the primitive produced (of a pointwise node: of its first input)
///     $k      the k-th operand's element: one a channel where the operand is a vector, else at the same place
///     yk      an output computed before this one
///     2.5     a constant
///     f(…)    one of expression_functions()
struct Expression {
  enum class Kind { source, operand, output, constant, call };
  Kind kind = Kind::source;
  int index = 0;  ///< of the operand, the output, or the function in expression_functions()
  float constant = 0;
  std::vector<Expression> arguments;

  friend bool operator==(const Expression&, const Expression&) = default;
};

/// The expressions of all outputs, in order: `add(x, $0); relu(fma(y0, $1, $2))` has two.
using Expressions = std::vector<Expression>;

Expression source();
Expression operand(int index);
Expression output(int index);
Expression constant(float value);
/// Throws Error(internal) for a name or a number of arguments that is not in the table.
Expression call(std::string_view function, std::vector<Expression> arguments);

/// Reads the text form. Throws Error(invalid_argument) with the place.
Expressions parse_expressions(std::string_view text);
std::string to_text(const Expressions& expressions);

/// The outputs for one element, straight from the tree: the reference. `outputs` has one place an expression.
void evaluate(const Expressions& expressions, float source, std::span<const float> operands, std::span<float> outputs);
std::vector<float> evaluate(const Expressions& expressions, float source, std::span<const float> operands);

/// How many operands the expressions read: one more than the highest index.
int operand_count(const Expressions& expressions);
/// The tree with each leaf (everything but a call) replaced.
Expression map_leaves(const Expression& expression, const std::function<Expression(const Expression&)>& replace);
/// How often a leaf occurs.
int occurrences(const Expression& expression, const Expression& leaf);
/// Calls in the tree, and the most that are nested.
int call_count(const Expression& expression);
int call_depth(const Expression& expression);
/// The tree with every source replaced by `inner`, and operand k by operand k + shift.
Expression substitute(const Expression& outer, const Expression& inner, int shift = 0);

}  // namespace tenon
