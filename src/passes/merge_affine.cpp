// Joins neighbouring additions and multiplications by constants into one.
//
//     fma(add(x, $0), $1, $2)      →      fma(x, $1, $3)        where $3 = $0·$1 + $2, computed once, in double
//     add(mul(x, 2), 1)            →      fma(x, 2, 1)
//     mul(x, 1), add(x, 0)         →      x
//
// What is constant is a literal or a constant vector. A joined number that is not finite is not used: the expression
// stays as it was.
//
// Before it: fuse_pointwise. After it, fold_forward and fold_scales find every scale in the form mul(x, …) or
// fma(x, …, …).

#include <cmath>
#include <optional>

#include "passes/numbers.h"
#include "passes/passes.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

/// inner * scale + shift. Without an inner one: the shift.
struct Affine {
  std::optional<Expression> inner;
  Numbers scale{{1}, {}}, shift{{0}, {}};
};

class Merger {
 public:
  Merger(Body& body, NodeId id)
      : body_(body), name_(body.graph.node(id).name), out_(body.shape({id, 0})), epilogue_(epilogue_of(body, id)) {}

  Epilogue merge() {
    for (Expression& expression : epilogue_.expressions) expression = write(read(expression));
    return std::move(epilogue_);
  }

 private:
  Affine read(const Expression& expression) {
    if (expression.kind != Expression::Kind::call) {
      if (auto numbers = numbers_of(body_, epilogue_, out_, expression)) return {{}, {}, std::move(*numbers)};
      return {expression};
    }
    std::vector<Affine> arguments;
    for (const Expression& argument : expression.arguments) arguments.push_back(read(argument));
    const auto joined = join(function_name(expression), arguments);
    if (joined && is_finite(*joined)) return *joined;
    Expression kept = expression;
    for (std::size_t i = 0; i < arguments.size(); ++i) kept.arguments[i] = write(arguments[i]);
    return {kept};
  }

  static std::string_view function_name(const Expression& expression) {
    return expression_functions()[static_cast<std::size_t>(expression.index)].name;
  }

  static bool is_finite(const Affine& affine) {
    for (const Numbers* numbers : {&affine.scale, &affine.shift}) {
      for (const double value : numbers->values) {
        if (!std::isfinite(static_cast<float>(value))) return false;
      }
    }
    return true;
  }

  static std::optional<Affine> join(std::string_view function, const std::vector<Affine>& a) {
    const auto is_number = [&](std::size_t i) { return !a[i].inner; };
    if (function == "fma") {
      const auto product = join("mul", {a[0], a[1]});
      if (!product || !is_number(2)) return {};
      return shifted(*product, "add", a[2].shift);
    }
    if (function == "add" && is_number(1)) return shifted(a[0], "add", a[1].shift);
    if (function == "add" && is_number(0)) return shifted(a[1], "add", a[0].shift);
    if (function == "sub" && is_number(1)) return shifted(a[0], "sub", a[1].shift);
    if (function == "sub" && is_number(0)) return shifted(scaled(a[1], "mul", {{-1}, {}}), "add", a[0].shift);
    if (function == "mul" && is_number(1)) return scaled(a[0], "mul", a[1].shift);
    if (function == "mul" && is_number(0)) return scaled(a[1], "mul", a[0].shift);
    if (function == "div" && is_number(1)) return scaled(a[0], "div", a[1].shift);
    return {};
  }

  static Affine shifted(Affine affine, std::string_view function, const Numbers& by) {
    if (affine.shift.all(0) && function == "add") {
      affine.shift = by;
    } else if (!by.all(0)) {
      affine.shift = combine(function, affine.shift, by);
    }
    return affine;
  }

  static Affine scaled(Affine affine, std::string_view function, const Numbers& by) {
    if (by.all(1)) return affine;
    affine.scale = affine.scale.all(1) && function == "mul" ? by : combine(function, affine.scale, by);
    if (!affine.shift.all(0)) affine.shift = combine(function, affine.shift, by);
    return affine;
  }

  Expression write(const Affine& affine) {
    const auto shift = [&] { return affine.shift.leaf(body_, epilogue_, name_ + ".shift"); };
    if (!affine.inner) return shift();
    const auto scale = [&] { return affine.scale.leaf(body_, epilogue_, name_ + ".scale"); };
    if (affine.scale.all(1)) return affine.shift.all(0) ? *affine.inner : call("add", {*affine.inner, shift()});
    if (affine.shift.all(0)) return call("mul", {*affine.inner, scale()});
    const Expression a = scale(), b = shift();
    return call("fma", {*affine.inner, a, b});
  }

  Body& body_;
  std::string name_;
  Shape out_;
  Epilogue epilogue_;
};

}  // namespace

void merge_affine(Body& body) {
  for (const NodeId id : body.graph.topological_order()) {
    if (is_primitive(body.graph.node(id))) set_epilogue(body, id, Merger(body, id).merge());
  }
  body.drop_unused();
}

}  // namespace tenon
