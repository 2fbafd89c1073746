// Element-wise functions of one tensor.

#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// dst[i] = function(src[i]), computed in the arithmetic type.
template <class Function>
Op unary(std::string name, std::string doc, Function function) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.infer_shape = same_shape;
  op.reference = [function](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[function, count = call.shape_out().elements()](const Operands& operands) {
        const T* src = operands.in<T>(0);
        T* dst = operands.out<T>();
        for (std::int64_t i = 0; i < count; ++i) dst[i] = store<T>(function(load(src[i])));
      }};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> unary_ops() {
  return {
      unary("relu", "max(x, 0); NaN stays NaN.", [](auto x) { return x < 0 ? decltype(x){0} : x; }),
      unary("exp", "e^x.", [](auto x) { return std::exp(x); }),
  };
}

}  // namespace tenon
