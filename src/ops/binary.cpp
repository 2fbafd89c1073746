// Element-wise functions of two tensors: of equal shapes, and with numpy broadcasting.

#include "ops/binary.h"

#include <cmath>
#include <map>

#include "ops/registry.h"

namespace tenon {
namespace {

/// Integer sums and products wrap around.
template <class A, class F>
A wrapping(A l, A r, F f) {
  if constexpr (std::integral<A>) {
    return static_cast<A>(f(static_cast<std::uint64_t>(l), static_cast<std::uint64_t>(r)));
  } else {
    return f(l, r);
  }
}

/// Integer division by zero gives 0, where MXNet's process would end.
template <class A>
A divide(A l, A r) {
  if constexpr (std::integral<A>) {
    if (r == 0) return 0;
    if (r == -1) return wrapping(A{0}, l, [](auto a, auto b) { return a - b; });
  }
  return l / r;
}

/// The remainder with the sign of the divisor; 0 when the divisor is 0.
template <class A>
A modulo(A l, A r) {
  if (r == 0) return 0;
  A rest;
  if constexpr (std::integral<A>) {
    rest = r == -1 ? 0 : l % r;
  } else {
    rest = std::fmod(l, r);
  }
  return rest != 0 && (rest < 0) != (r < 0) ? rest + r : rest;
}

Op binary_op(std::string name, std::vector<std::string> aliases, const NamedFunction& named,
             std::function<void(ShapeInference&)> infer_shape) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = named.doc;
  op.inputs = always({"lhs", "rhs"});
  op.infer_shape = std::move(infer_shape);
  op.reference = [&function = named.function](const OpCall& call) { return binary_kernel(call, function); };
  return op;
}

struct EqualShapeNames {
  std::string_view function;
  std::string name;
  std::vector<std::string> aliases;
};

const std::vector<EqualShapeNames>& equal_shape_names() {
  static const std::vector<EqualShapeNames> names = {
      {"add", "elemwise_add", {"_Plus", "_plus", "_add", "_sparse_elemwise_add"}},
      {"add", "_grad_add", {}},
      {"sub", "elemwise_sub", {"_Minus", "_minus", "_sub", "_sparse_elemwise_sub"}},
      {"mul", "elemwise_mul", {"_Mul", "_mul", "_sparse_elemwise_mul"}},
      {"div", "elemwise_div", {"_Div", "_div", "_sparse_elemwise_div"}},
      {"div", "_scatter_elemwise_div", {}},
      {"mod", "_mod", {"_Mod"}},
      {"power", "_power", {"_Power"}},
      {"maximum", "_maximum", {"_Maximum"}},
      {"minimum", "_minimum", {"_Minimum"}},
      {"hypot", "_hypot", {"_Hypot"}},
      {"equal", "_equal", {"_Equal"}},
      {"not_equal", "_not_equal", {"_Not_Equal"}},
      {"greater", "_greater", {"_Greater"}},
      {"greater_equal", "_greater_equal", {"_Greater_Equal"}},
      {"lesser", "_lesser", {"_Lesser"}},
      {"lesser_equal", "_lesser_equal", {"_Lesser_Equal"}},
      {"logical_and", "_logical_and", {"_Logical_And"}},
      {"logical_or", "_logical_or", {"_Logical_Or"}},
      {"logical_xor", "_logical_xor", {"_Logical_Xor"}},
  };
  return names;
}

/// What broadcast_NAME is called besides.
const std::map<std::string_view, std::vector<std::string>>& broadcast_aliases() {
  static const std::map<std::string_view, std::vector<std::string>> aliases = {
      {"add", {"broadcast_plus", "_sparse_broadcast_add", "_sparse_broadcast_plus"}},
      {"sub", {"broadcast_minus", "_sparse_broadcast_sub", "_sparse_broadcast_minus"}},
      {"mul", {"_sparse_broadcast_mul"}},
      {"div", {"_sparse_broadcast_div"}},
      {"maximum", {"_npi_maximum"}},
      {"minimum", {"_npi_minimum"}},
  };
  return aliases;
}

}  // namespace

const std::vector<NamedFunction>& binary_functions() {
  static const std::vector<NamedFunction> functions = {
      {"add", "l + r.",
       binary_function([](auto l, auto r) { return wrapping(l, r, [](auto a, auto b) { return a + b; }); })},
      {"sub", "l - r.",
       binary_function([](auto l, auto r) { return wrapping(l, r, [](auto a, auto b) { return a - b; }); })},
      {"mul", "l r.",
       binary_function([](auto l, auto r) { return wrapping(l, r, [](auto a, auto b) { return a * b; }); })},
      {"div", "l / r; integers divide towards zero.", binary_function([](auto l, auto r) { return divide(l, r); })},
      {"mod", "The remainder of l / r, with the sign of r; 0 where r is 0.",
       binary_function([](auto l, auto r) { return modulo(l, r); })},
      {"power", "l to the power of r.",
       binary_function([](auto l, auto r) { return std::pow(as_real(l), as_real(r)); })},
      {"maximum", "The greater of l and r.", binary_function([](auto l, auto r) { return greater_of(l, r); })},
      {"minimum", "The lesser of l and r.", binary_function([](auto l, auto r) { return lesser_of(l, r); })},
      {"hypot", "sqrt(l^2 + r^2).", binary_function([](auto l, auto r) { return std::hypot(as_real(l), as_real(r)); })},
      {"equal", "1 where l = r, else 0.", binary_function([](auto l, auto r) { return decltype(l)(l == r); })},
      {"not_equal", "1 where l and r differ, else 0.",
       binary_function([](auto l, auto r) { return decltype(l)(l != r); })},
      {"greater", "1 where l > r, else 0.", binary_function([](auto l, auto r) { return decltype(l)(l > r); })},
      {"greater_equal", "1 where l >= r, else 0.", binary_function([](auto l, auto r) { return decltype(l)(l >= r); })},
      {"lesser", "1 where l < r, else 0.", binary_function([](auto l, auto r) { return decltype(l)(l < r); })},
      {"lesser_equal", "1 where l <= r, else 0.", binary_function([](auto l, auto r) { return decltype(l)(l <= r); })},
      {"logical_and", "1 where neither is 0, else 0.",
       binary_function([](auto l, auto r) { return decltype(l)(l != 0 && r != 0); })},
      {"logical_or", "0 where both are 0, else 1.",
       binary_function([](auto l, auto r) { return decltype(l)(l != 0 || r != 0); })},
      {"logical_xor", "1 where exactly one is 0, else 0.",
       binary_function([](auto l, auto r) { return decltype(l)((l != 0) != (r != 0)); })},
  };
  return functions;
}

std::vector<Op> binary_ops() {
  std::vector<Op> ops;
  for (const NamedFunction& named : binary_functions()) {
    for (const EqualShapeNames& names : equal_shape_names()) {
      if (names.function == named.name) ops.push_back(binary_op(names.name, names.aliases, named, same_shape));
    }
    const auto aliases = broadcast_aliases().find(named.name);
    ops.push_back(binary_op("broadcast_" + std::string(named.name),
                            aliases == broadcast_aliases().end() ? std::vector<std::string>{} : aliases->second, named,
                            broadcast_shape));
  }
  return ops;
}

}  // namespace tenon
