// Element-wise operators of other kinds: choosing, adding many, testing for finiteness.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/elementwise.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// x and y share the result's shape; a condition of rank 1 chooses whole rows.
void where_shape(ShapeInference& shapes) {
  for (const int i : {1, 2, 1}) {
    shapes.set_in(i, shapes.out());
    shapes.set_out(0, shapes.in(i));
  }
  const Shape& dst = shapes.out();
  const Shape& condition = shapes.in(0);
  if (!dst.has_rank()) return;
  if (condition.rank() == 1 && dst.rank() > 1) {
    if (dst[0] == Shape::unknown || condition[0] == Shape::unknown || dst[0] == condition[0]) return;
    shapes.refuse(
        "the condition has shape {}, which chooses rows, but x and y of shape {} have {} rows; it must have "
        "their shape or one element a row",
        condition.str(), dst.str(), dst[0]);
  }
  shapes.set_in(0, dst);
}

void where_type(TypeInference& types) {
  std::optional<DType> dtype = types.out();
  for (const int i : {1, 2}) {
    if (!dtype) dtype = types.in(i);
  }
  types.set_in(1, dtype);
  types.set_in(2, dtype);
  types.set_out(0, dtype);
}

Kernel where_kernel(const OpCall& call) {
  const std::int64_t choices = call.shape_in(0).elements();
  const std::int64_t run = choices == 0 ? 0 : call.shape_out().elements() / choices;
  const std::size_t bytes = static_cast<std::size_t>(run) * size_of(call.dtype_out());
  return {[choices, bytes, read = reader<double>(call.dtype_in(0))](const Operands& operands) {
    const auto* x = operands.in<std::byte>(1);
    const auto* y = operands.in<std::byte>(2);
    auto* dst = operands.out<std::byte>();
    for (std::int64_t i = 0; i < choices; ++i) {
      double condition;
      read(operands.src[0], i, 1, 1, &condition);
      const std::size_t at = static_cast<std::size_t>(i) * bytes;
      std::memcpy(dst + at, (condition != 0 ? x : y) + at, bytes);
    }
  }};
}

Op where_op() {
  Op op;
  op.name = "where";
  op.aliases = {"_sparse_where"};
  op.doc = "x where the condition is not 0, else y; a condition of rank 1 chooses whole rows.";
  op.inputs = always({"condition", "x", "y"});
  op.infer_shape = where_shape;
  op.infer_type = where_type;
  op.reference = where_kernel;
  return op;
}

Op add_n_op() {
  Op op;
  op.name = "add_n";
  op.aliases = {"ElementWiseSum", "_sparse_add_n", "_sparse_ElementWiseSum"};
  op.doc = "The sum of all inputs.";
  op.inputs = counted();
  op.attributes = {integer("num_args").at_least(1)};
  op.infer_shape = same_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_arithmetic(call.dtype_out(), [&]<class A>() {
      return Kernel{[read = reader<A>(call.dtype_out()), write = writer<A>(call.dtype_out()),
                     total = call.shape_out().elements()](const Operands& operands) {
        for (std::int64_t i = 0; i < total; ++i) {
          A sum{};
          for (const void* src : operands.src) {
            A value;
            read(src, i, 1, 1, &value);
            sum = static_cast<A>(sum + value);
          }
          write(operands.dst[0], i, 1, &sum);
        }
      }};
    });
  };
  return op;
}

/// 1 in a float32 (1,) when every element of every input is finite, else 0.
Op finite_op(std::string name, Names inputs, std::vector<AttributeSpec> attributes) {
  Op op;
  op.name = std::move(name);
  op.doc = "1 when every element is finite, else 0; a float32 of shape (1,).";
  op.inputs = std::move(inputs);
  op.attributes = std::move(attributes);
  // At inference there is nothing earlier to combine the result with: the output is always set.
  op.attributes.push_back(boolean("init_output").or_else(true));
  op.infer_shape = [](ShapeInference& shapes) { shapes.set_out(0, Shape{1}); };
  op.infer_type = [](TypeInference& types) { types.set_out(0, DType::float32); };
  op.reference = [](const OpCall& call) {
    struct Part {
      Reader<double> read;
      std::int64_t count;
    };
    std::vector<Part> parts;
    for (const TensorType& input : call.inputs) parts.push_back({reader<double>(*input.dtype), input.shape.elements()});
    return Kernel{[parts](const Operands& operands) {
      bool finite = true;
      for (std::size_t part = 0; part < parts.size(); ++part) {
        for (std::int64_t i = 0; i < parts[part].count; ++i) {
          double value;
          parts[part].read(operands.src[part], i, 1, 1, &value);
          finite = finite && std::isfinite(value);
        }
      }
      *operands.out<float>() = finite ? 1.0f : 0.0f;
    }};
  };
  return op;
}

}  // namespace

std::vector<Op> select_ops() {
  return {
      where_op(),
      add_n_op(),
      finite_op("all_finite", always({"data"}), {}),
      finite_op("multi_all_finite", counted("num_arrays", "array_"), {integer("num_arrays").or_else(std::int64_t{1})}),
  };
}

}  // namespace tenon
