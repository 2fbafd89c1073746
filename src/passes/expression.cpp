#include "passes/expression.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "core/error.h"

namespace tenon {
namespace {

// relu and the clips keep NaN, as MXNet's do.
constexpr std::array kFunctions{
    ExpressionFunction{"add", 2, [](const float* a) { return a[0] + a[1]; }},
    ExpressionFunction{"sub", 2, [](const float* a) { return a[0] - a[1]; }},
    ExpressionFunction{"mul", 2, [](const float* a) { return a[0] * a[1]; }},
    ExpressionFunction{"div", 2, [](const float* a) { return a[0] / a[1]; }},
    ExpressionFunction{"max", 2, [](const float* a) { return a[0] != a[0] || a[0] > a[1] ? a[0] : a[1]; }},
    ExpressionFunction{"min", 2, [](const float* a) { return a[0] != a[0] || a[0] < a[1] ? a[0] : a[1]; }},
    ExpressionFunction{"fma", 3, [](const float* a) { return std::fma(a[0], a[1], a[2]); }},
    ExpressionFunction{"relu", 1, [](const float* a) { return a[0] < 0 ? 0.0f : a[0]; }},
    ExpressionFunction{"leaky", 2, [](const float* a) { return a[0] > 0 ? a[0] : a[1] * a[0]; }},
    ExpressionFunction{"elu", 2, [](const float* a) { return a[0] > 0 ? a[0] : a[1] * std::expm1(a[0]); }},
    ExpressionFunction{"sigmoid", 1, [](const float* a) { return 1 / (1 + std::exp(-a[0])); }},
    ExpressionFunction{"tanh", 1, [](const float* a) { return std::tanh(a[0]); }},
    ExpressionFunction{"softrelu", 1, [](const float* a) { return a[0] > 20 ? a[0] : std::log1p(std::exp(a[0])); }},
    ExpressionFunction{"softsign", 1, [](const float* a) { return a[0] / (1 + std::abs(a[0])); }},
    ExpressionFunction{"exp", 1, [](const float* a) { return std::exp(a[0]); }},
    ExpressionFunction{"log", 1, [](const float* a) { return std::log(a[0]); }},
    ExpressionFunction{"sqrt", 1, [](const float* a) { return std::sqrt(a[0]); }},
    ExpressionFunction{"rsqrt", 1, [](const float* a) { return 1 / std::sqrt(a[0]); }},
    ExpressionFunction{"abs", 1, [](const float* a) { return std::abs(a[0]); }},
    ExpressionFunction{"erf", 1, [](const float* a) { return std::erf(a[0]); }},
};

int function_index(std::string_view name) {
  for (std::size_t i = 0; i < kFunctions.size(); ++i) {
    if (kFunctions[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

Expression leaf(Expression::Kind kind, int index) {
  Expression expression;
  expression.kind = kind;
  expression.index = index;
  return expression;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  Expressions parse() {
    Expressions expressions;
    do {
      expressions.push_back(expression(static_cast<int>(expressions.size()), 0));
    } while (take(';'));
    if (!rest_.empty()) refuse("the end");
    return expressions;
  }

 private:
  [[noreturn]] void refuse(std::string_view expected) const {
    fail(ErrorCode::invalid_argument, "expression '{}', character {}: {} is expected before '{}'", text_,
         text_.size() - rest_.size() + 1, expected, rest_);
  }

  bool take(char c) {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return true;
  }

  template <class Number>
  Number number(std::string_view expected) {
    Number value{};
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || value < 0) refuse(expected);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  /// `outputs` is how many were computed before. The depth is bounded so that no text can exhaust the stack.
  Expression expression(int outputs, int depth) {
    if (depth > 200) refuse("an expression of at most 200 levels");
    if (take('$')) return operand(number<int>("the number of an operand"));
    if (take('-')) return constant(-number<float>("a number"));
    std::size_t length = 0;
    while (length < rest_.size() && rest_[length] >= 'a' && rest_[length] <= 'z') ++length;
    const std::string_view name = rest_.substr(0, length);
    if (name.empty()) return constant(number<float>("a value"));
    rest_.remove_prefix(length);
    if (name == "x") return source();
    if (name == "y") {
      const int index = number<int>("the number of an output");
      if (index >= outputs) refuse(fmt::format("an output computed before (there are {})", outputs));
      return output(index);
    }
    return function_call(name, outputs, depth);
  }

  Expression function_call(std::string_view name, int outputs, int depth) {
    const int index = function_index(name);
    if (index < 0) refuse(fmt::format("a function ('{}' is none)", name));
    Expression result = leaf(Expression::Kind::call, index);
    if (!take('(')) refuse("'('");
    do {
      result.arguments.push_back(expression(outputs, depth + 1));
    } while (take(','));
    if (static_cast<int>(result.arguments.size()) != kFunctions[static_cast<std::size_t>(index)].arity) {
      refuse(fmt::format("{} arguments for {}", kFunctions[static_cast<std::size_t>(index)].arity, name));
    }
    if (!take(')')) refuse("')'");
    return result;
  }

  std::string_view text_, rest_;
};

void print(const Expression& expression, std::string& text) {
  switch (expression.kind) {
    case Expression::Kind::source:
      text += 'x';
      return;
    case Expression::Kind::operand:
      text += fmt::format("${}", expression.index);
      return;
    case Expression::Kind::output:
      text += fmt::format("y{}", expression.index);
      return;
    case Expression::Kind::constant:
      text += fmt::format("{}", expression.constant);
      return;
    case Expression::Kind::call:
      break;
  }
  text += kFunctions[static_cast<std::size_t>(expression.index)].name;
  for (std::size_t i = 0; i < expression.arguments.size(); ++i) {
    text += i == 0 ? "(" : ", ";
    print(expression.arguments[i], text);
  }
  text += ')';
}

float evaluate_one(const Expression& expression, float source, std::span<const float> operands,
                   std::span<const float> outputs) {
  switch (expression.kind) {
    case Expression::Kind::source:
      return source;
    case Expression::Kind::operand:
      return operands[static_cast<std::size_t>(expression.index)];
    case Expression::Kind::output:
      return outputs[static_cast<std::size_t>(expression.index)];
    case Expression::Kind::constant:
      return expression.constant;
    case Expression::Kind::call:
      break;
  }
  std::array<float, 3> arguments{};
  for (std::size_t i = 0; i < expression.arguments.size(); ++i) {
    arguments[i] = evaluate_one(expression.arguments[i], source, operands, outputs);
  }
  return kFunctions[static_cast<std::size_t>(expression.index)].evaluate(arguments.data());
}

int highest_operand(const Expression& expression) {
  int highest = expression.kind == Expression::Kind::operand ? expression.index : -1;
  for (const Expression& argument : expression.arguments) highest = std::max(highest, highest_operand(argument));
  return highest;
}

}  // namespace

std::span<const ExpressionFunction> expression_functions() {
  return kFunctions;
}

Expression source() {
  return leaf(Expression::Kind::source, 0);
}
Expression operand(int index) {
  return leaf(Expression::Kind::operand, index);
}
Expression output(int index) {
  return leaf(Expression::Kind::output, index);
}

Expression constant(float value) {
  Expression expression = leaf(Expression::Kind::constant, 0);
  expression.constant = value;
  return expression;
}

Expression call(std::string_view function, std::vector<Expression> arguments) {
  const int index = function_index(function);
  if (index < 0 || static_cast<int>(arguments.size()) != kFunctions[static_cast<std::size_t>(index)].arity) {
    fail(ErrorCode::internal, "no expression function {} of {} arguments", function, arguments.size());
  }
  Expression expression = leaf(Expression::Kind::call, index);
  expression.arguments = std::move(arguments);
  return expression;
}

Expressions parse_expressions(std::string_view text) {
  return Parser(text).parse();
}

std::string to_text(const Expressions& expressions) {
  std::string text;
  for (const Expression& expression : expressions) {
    if (!text.empty()) text += "; ";
    print(expression, text);
  }
  return text;
}

void evaluate(const Expressions& expressions, float source, std::span<const float> operands, std::span<float> outputs) {
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    outputs[i] = evaluate_one(expressions[i], source, operands, outputs);
  }
}

std::vector<float> evaluate(const Expressions& expressions, float source, std::span<const float> operands) {
  std::vector<float> outputs(expressions.size());
  evaluate(expressions, source, operands, outputs);
  return outputs;
}

int operand_count(const Expressions& expressions) {
  int highest = -1;
  for (const Expression& expression : expressions) highest = std::max(highest, highest_operand(expression));
  return highest + 1;
}

Expression map_leaves(const Expression& expression, const std::function<Expression(const Expression&)>& replace) {
  if (expression.kind != Expression::Kind::call) return replace(expression);
  Expression result = expression;
  for (Expression& argument : result.arguments) argument = map_leaves(argument, replace);
  return result;
}

int occurrences(const Expression& expression, const Expression& leaf) {
  if (expression.kind != Expression::Kind::call) return expression == leaf ? 1 : 0;
  int count = 0;
  for (const Expression& argument : expression.arguments) count += occurrences(argument, leaf);
  return count;
}

int call_count(const Expression& expression) {
  int count = expression.kind == Expression::Kind::call ? 1 : 0;
  for (const Expression& argument : expression.arguments) count += call_count(argument);
  return count;
}

int call_depth(const Expression& expression) {
  if (expression.kind != Expression::Kind::call) return 0;
  int depth = 0;
  for (const Expression& argument : expression.arguments) depth = std::max(depth, call_depth(argument));
  return depth + 1;
}

Expression substitute(const Expression& outer, const Expression& inner, int shift) {
  if (outer.kind == Expression::Kind::source) return inner;
  Expression result = outer;
  if (result.kind == Expression::Kind::operand) result.index += shift;
  for (Expression& argument : result.arguments) argument = substitute(argument, inner, shift);
  return result;
}

}  // namespace tenon
