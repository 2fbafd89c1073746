#pragma once

#include <functional>
#include <tuple>
#include <vector>

#include "graph/op.h"
#include "ops/arithmetic.h"

namespace tenon {

/// y[i] = f(x[i]) over `count` elements; x may be y.
template <class A>
using UnaryLoop = std::function<void(const A* x, A* y, std::int64_t count)>;
/// A function of one number, as a loop in each arithmetic type.
using UnaryFunction = std::tuple<UnaryLoop<float>, UnaryLoop<double>, UnaryLoop<std::int64_t>>;

/// y[i] = f(l[i], r[i]) over `count` elements; l or r may be y.
template <class A>
using BinaryLoop = std::function<void(const A* l, const A* r, A* y, std::int64_t count)>;
using BinaryFunction = std::tuple<BinaryLoop<float>, BinaryLoop<double>, BinaryLoop<std::int64_t>>;

/// From a generic function such as [](auto x) { return x * x; }.
template <class F>
UnaryFunction unary_function(F f) {
  const auto loop = [f]<class A>(const A* x, A* y, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = convert<A>(f(x[i]));
  };
  return {loop, loop, loop};
}

template <class F>
BinaryFunction binary_function(F f) {
  const auto loop = [f]<class A>(const A* l, const A* r, A* y, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = convert<A>(f(l[i], r[i]));
  };
  return {loop, loop, loop};
}

/// The number itself, an integer as float: MXNet evaluates exp, sqrt, … of integers in float and truncates.
template <class A>
auto as_real(A x) {
  if constexpr (std::floating_point<A>) {
    return x;
  } else {
    return static_cast<float>(x);
  }
}

/// dst = f(src) in the arithmetic of `arithmetic`, which is the type of the source or of the result.
Kernel unary_kernel(const OpCall& call, const UnaryFunction& function, DType arithmetic);
/// dst = f(lhs, rhs) with numpy broadcasting, in the arithmetic of the inputs' type.
Kernel binary_kernel(const OpCall& call, const BinaryFunction& function);
/// dst = f(src, scalar), or f(scalar, src) when reversed: the source and the scalar are first converted to the type of
/// the result.
Kernel scalar_kernel(const OpCall& call, const BinaryFunction& function, double scalar, bool reversed);

/// numpy broadcasting of two inputs: shapes are aligned at the last axis, a dimension of 1 stretches.
void broadcast_shape(ShapeInference& shapes);

/// Two inputs as seen from their broadcast result: each dimension with both strides, 0 where an input stretches.
/// Neighbouring dimensions that both inputs step through alike are merged; there is always a last one.
struct Broadcast {
  struct Dim {
    std::int64_t size, lhs, rhs;
  };
  std::vector<Dim> dims;

  Broadcast(const Shape& lhs, const Shape& rhs, const Shape& dst);
};

}  // namespace tenon
