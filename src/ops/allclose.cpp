// _contrib_allclose.

#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace tenon {

std::vector<Op> allclose_ops() {
  Op op;
  op.name = "_contrib_allclose";
  op.doc = "1 when |a - b| <= atol + rtol |b| everywhere, else 0.";
  op.inputs = always({"a", "b"});
  op.attributes = {real("rtol").or_else(1e-5), real("atol").or_else(1e-8), boolean("equal_nan").or_else(true)};
  op.infer_shape = [](ShapeInference& shapes) {
    shapes.set_in(0, shapes.in(1));
    shapes.set_in(1, shapes.in(0));
    shapes.set_out(0, Shape::scalar());
  };
  op.infer_type = [](TypeInference& types) {
    types.set_in(0, types.in(1));
    types.set_in(1, types.in(0));
    types.set_out(0, DType::uint8);
  };
  op.reference = [](const OpCall& call) {
    return dispatch(call.dtype_in(0), [&]<class T>() {
      return Kernel{[count = call.shape_in(0).elements(), rtol = call.attributes().real("rtol"),
                     atol = call.attributes().real("atol"),
                     equal_nan = call.attributes().flag("equal_nan")](const Operands& operands) {
        bool close = true;
        for (std::int64_t i = 0; i < count; ++i) {
          const auto a = static_cast<double>(load(operands.in<T>(0)[i])),
                     b = static_cast<double>(load(operands.in<T>(1)[i]));
          const bool same = a == b || (equal_nan && std::isnan(a) && std::isnan(b));
          close = close && (same || std::abs(a - b) <= atol + rtol * std::abs(b));
        }
        *operands.out<std::uint8_t>() = close ? 1 : 0;
      }};
    });
  };
  return {std::move(op)};
}

}  // namespace tenon
