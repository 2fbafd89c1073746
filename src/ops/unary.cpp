// Element-wise functions of one tensor.

#include <cmath>
#include <numbers>

#include "ops/elementwise.h"
#include "ops/registry.h"
#include "ops/special.h"

namespace tenon {
namespace {

/// An operator without attributes; `aliases` beside the name.
template <class F>
Op unary(std::string name, std::string doc, F f, std::vector<std::string> aliases = {}) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.infer_shape = same_shape;
  op.reference = [function = unary_function(f)](const OpCall& call) {
    return unary_kernel(call, function, call.dtype_in(0));
  };
  return op;
}

/// The same, known as _sparse_NAME too: sparse storage has no meaning at inference.
template <class F>
Op sparse_unary(const std::string& name, std::string doc, F f, std::vector<std::string> aliases = {}) {
  aliases.push_back("_sparse_" + name);
  return unary(name, std::move(doc), f, std::move(aliases));
}

/// An operator whose function depends on attributes: `make` gives it from a node's attributes.
template <class Make>
Op parametric(std::string name, std::string doc, std::vector<AttributeSpec> attributes, Make make,
              std::vector<std::string> aliases = {}) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.attributes = std::move(attributes);
  op.infer_shape = same_shape;
  op.reference = [make](const OpCall& call) {
    return unary_kernel(call, unary_function(make(call.attributes())), call.dtype_in(0));
  };
  return op;
}

// MXNet keeps these, and attributes it calls float, in float even where it computes in double.
constexpr float kPi = std::numbers::pi_v<float>;
float single(const Attributes& attributes, std::string_view name) {
  return static_cast<float>(attributes.real(name));
}

constexpr auto relu = [](auto x) { return x < 0 ? decltype(x){0} : x; };
constexpr auto sigmoid = [](auto x) { return 1 / (1 + std::exp(-as_real(x))); };
constexpr auto sign = [](auto x) { return decltype(x)((x > 0) - (x < 0)); };

constexpr auto round_away = [](auto x) {
  if constexpr (std::integral<decltype(x)>) {
    return x;
  } else {
    return std::round(x);
  }
};

constexpr auto round_ties_down = [](auto x) {
  if constexpr (std::integral<decltype(x)>) {
    return x;
  } else {
    const auto below = std::floor(x), above = std::ceil(x);
    return x - below <= above - x ? below : above;
  }
};

std::vector<Op> rounding_ops() {
  return {
      sparse_unary("abs", "|x|.", [](auto x) { return x < 0 ? -x : x; }),
      sparse_unary("sign", "1, 0 or -1; 0 for NaN.", sign),
      sparse_unary("round", "To the nearest integer, halves away from zero.", round_away),
      sparse_unary("rint", "To the nearest integer, halves down.", round_ties_down),
      sparse_unary("ceil", "The least integer not below x.", [](auto x) { return std::ceil(as_real(x)); }),
      sparse_unary("floor", "The greatest integer not above x.", [](auto x) { return std::floor(as_real(x)); }),
      sparse_unary("trunc", "To the nearest integer towards zero.", [](auto x) { return std::trunc(as_real(x)); }),
      sparse_unary("fix", "To the nearest integer towards zero.", [](auto x) { return std::trunc(as_real(x)); }),
      sparse_unary("_contrib_round_ste", "round; its gradient passes straight through.", round_away),
      sparse_unary("_contrib_sign_ste", "sign; its gradient passes straight through.", sign),
  };
}

std::vector<Op> power_ops() {
  return {
      sparse_unary("square", "x^2.", [](auto x) { return x * x; }),
      sparse_unary("sqrt", "The square root.", [](auto x) { return std::sqrt(as_real(x)); }),
      sparse_unary("rsqrt", "1 / sqrt(x).", [](auto x) { return 1 / std::sqrt(as_real(x)); }),
      sparse_unary("cbrt", "The cube root.", [](auto x) { return std::cbrt(as_real(x)); }),
      unary("rcbrt", "1 / cbrt(x).", [](auto x) { return 1 / std::cbrt(as_real(x)); }),
      unary("reciprocal", "1 / x.", [](auto x) { return 1 / as_real(x); }),
      sparse_unary("negative", "-x.", [](auto x) { return -x; }),
      sparse_unary("exp", "e^x.", [](auto x) { return std::exp(as_real(x)); }),
      sparse_unary("expm1", "e^x - 1.", [](auto x) { return std::expm1(as_real(x)); }),
      sparse_unary("log", "The natural logarithm.", [](auto x) { return std::log(as_real(x)); }),
      sparse_unary("log10", "The logarithm to base 10.", [](auto x) { return std::log10(as_real(x)); }),
      sparse_unary("log2", "The logarithm to base 2.", [](auto x) { return std::log2(as_real(x)); }),
      sparse_unary("log1p", "log(1 + x).", [](auto x) { return std::log1p(as_real(x)); }),
  };
}

std::vector<Op> trigonometric_ops() {
  return {
      sparse_unary("sin", "The sine.", [](auto x) { return std::sin(as_real(x)); }),
      sparse_unary("cos", "The cosine.", [](auto x) { return std::cos(as_real(x)); }),
      sparse_unary("tan", "The tangent.", [](auto x) { return std::tan(as_real(x)); }),
      sparse_unary("arcsin", "The inverse sine.", [](auto x) { return std::asin(as_real(x)); }),
      sparse_unary("arccos", "The inverse cosine.", [](auto x) { return std::acos(as_real(x)); }),
      sparse_unary("arctan", "The inverse tangent.", [](auto x) { return std::atan(as_real(x)); }),
      sparse_unary("sinh", "The hyperbolic sine.", [](auto x) { return std::sinh(as_real(x)); }),
      sparse_unary("cosh", "The hyperbolic cosine.", [](auto x) { return std::cosh(as_real(x)); }),
      sparse_unary("tanh", "The hyperbolic tangent.", [](auto x) { return std::tanh(as_real(x)); }),
      sparse_unary("arcsinh", "The inverse hyperbolic sine.", [](auto x) { return std::asinh(as_real(x)); }),
      sparse_unary("arccosh", "The inverse hyperbolic cosine.", [](auto x) { return std::acosh(as_real(x)); }),
      sparse_unary("arctanh", "The inverse hyperbolic tangent.", [](auto x) { return std::atanh(as_real(x)); }),
      sparse_unary("degrees", "Radians to degrees.",
                   [](auto x) { return as_real(x) * decltype(as_real(x))(180.0f / kPi); }),
      sparse_unary("radians", "Degrees to radians.",
                   [](auto x) { return as_real(x) * decltype(as_real(x))(kPi / 180.0f); }),
  };
}

std::vector<Op> special_ops() {
  return {
      sparse_unary("gamma", "The gamma function.", [](auto x) { return std::tgamma(as_real(x)); }, {"_npx_gamma"}),
      sparse_unary("gammaln", "log |gamma(x)|.", [](auto x) { return log_gamma(as_real(x)); }, {"_npx_gammaln"}),
      unary("erf", "The error function.", [](auto x) { return std::erf(as_real(x)); }, {"_npx_erf"}),
      unary("erfinv", "The inverse of erf; NaN outside [-1, 1].",
            [](auto x) { return decltype(as_real(x))(inverse_erf(as_real(x))); }, {"_npx_erfinv"}),
      sparse_unary("relu", "max(x, 0); NaN stays NaN.", relu),
      unary("_npx_relu", "max(x, 0); NaN stays NaN.", relu),
      sparse_unary("sigmoid", "1 / (1 + e^-x).", sigmoid),
      unary("_npx_sigmoid", "1 / (1 + e^-x).", sigmoid),
      unary("softsign", "x / (1 + |x|).", [](auto x) { return as_real(x) / (1 + std::abs(as_real(x))); }),
      unary("logical_not", "1 where x is 0, else 0; of the type of x.", [](auto x) { return decltype(x)(x == 0); }),
      sparse_unary("zeros_like", "0 in the shape and type of x.", [](auto x) { return decltype(x){0}; }),
      unary("ones_like", "1 in the shape and type of x.", [](auto x) { return decltype(x){1}; }),
  };
}

std::vector<Op> parametric_ops() {
  return {
      parametric("clip", "x limited to [a_min, a_max], the upper limit first; NaN stays NaN.",
                 {real("a_min"), real("a_max")},
                 [](const Attributes& attributes) {
                   return [low = single(attributes, "a_min"), high = single(attributes, "a_max")](auto x) {
                     using A = decltype(x);
                     // Compared as real numbers: an infinite bound must stay out of reach of integers.
                     const double value = static_cast<double>(x);
                     return value > high ? convert<A>(high) : value < low ? convert<A>(low) : x;
                   };
                 },
                 {"_npi_clip", "_sparse_clip"}),
      parametric("hard_sigmoid", "alpha x + beta, limited to [0, 1].",
                 {real("alpha").or_else(0.2), real("beta").or_else(0.5)},
                 [](const Attributes& attributes) {
                   return [alpha = single(attributes, "alpha"), beta = single(attributes, "beta")](auto x) {
                     using A = decltype(as_real(x));
                     const A y = A(alpha) * as_real(x) + A(beta);
                     return y > 1 ? A{1} : y < 0 ? A{0} : y;
                   };
                 }),
      parametric("smooth_l1", "With s = scalar: (s x)^2 / 2 where |x| < 1 / s^2, else |x| - 1 / (2 s^2).",
                 {real("scalar").or_else(1.0)},
                 [](const Attributes& attributes) {
                   return [sigma = attributes.real("scalar")](auto x) {
                     using A = decltype(as_real(x));
                     const A squared = A(sigma) * A(sigma), edge = 1 / squared;
                     const A size = std::abs(as_real(x));
                     return size > edge ? size - edge / 2 : size * size * squared / 2;
                   };
                 },
                 {"_npx_smooth_l1"}),
      parametric("_contrib_quadratic", "a x^2 + b x + c.",
                 {real("a").or_else(0.0), real("b").or_else(0.0), real("c").or_else(0.0)},
                 [](const Attributes& attributes) {
                   return
                       [a = single(attributes, "a"), b = single(attributes, "b"), c = single(attributes, "c")](auto x) {
                         using A = decltype(as_real(x));
                         return A(a) * as_real(x) * as_real(x) + A(b) * as_real(x) + A(c);
                       };
                 }),
  };
}

}  // namespace

std::vector<Op> unary_ops() {
  std::vector<Op> ops;
  for (const auto family : {rounding_ops, power_ops, trigonometric_ops, special_ops, parametric_ops}) {
    for (Op& op : family()) ops.push_back(std::move(op));
  }
  return ops;
}

}  // namespace tenon
