// Operators without data: zeros, ones and full tensors, the identity matrix, ranges.

#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

Op creator(std::string name, std::string doc, std::vector<AttributeSpec> attributes) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.inputs = always({});
  op.attributes = std::move(attributes);
  op.attributes.push_back(text("ctx").or_else(std::string()));
  op.infer_type = [](TypeInference& types) { types.set_out(0, types.attributes().dtype("dtype")); };
  return op;
}

AttributeSpec dtype_attribute() {
  return dtype_choice("dtype").or_else(std::string("float32"));
}

/// Every element is one number.
Kernel constant_kernel(const OpCall& call, double value) {
  const PreparedCopy fill({{{call.shape_out().elements(), 0, 1}}}, call.dtype_out());
  return {[fill, element = encode(call.dtype_out(), value)](const Operands& operands) {
    fill(element.data(), operands.dst[0]);
  }};
}

/// The shape is the attribute; what it leaves unknown (a batch size written as 0) follows from the users.
Op filled(std::string name, std::string doc, double (*value)(const Attributes&),
          std::vector<AttributeSpec> attributes = {}) {
  AttributeSpec shape = ints("shape").or_else(IntTuple{});
  shape.nullable = true;
  attributes.push_back(std::move(shape));
  attributes.push_back(dtype_attribute());
  Op op = creator(std::move(name), std::move(doc), std::move(attributes));
  op.infer_shape = [](ShapeInference& shapes) {
    if (shapes.attributes().has("shape")) {
      shapes.set_out(0, from_mxnet(shapes.attributes().ints("shape"), shapes.np_shape()));
    }
  };
  op.reference = [value](const OpCall& call) { return constant_kernel(call, value(call.attributes())); };
  return op;
}

/// _zeros as gradient passes wrote it: dtype is a number, -1 when it is left to inference.
Op zeros_without_dtype() {
  Op op = filled("_zeros_without_dtype", "Zeros of a type that follows from the users.",
                 [](const Attributes&) { return 0.0; });
  for (AttributeSpec& spec : op.attributes) {
    if (spec.name == "dtype") spec = integer("dtype").or_else(-1);
  }
  op.infer_type = [](TypeInference&) {};
  return op;
}

/// 1 where the column is k beyond the row, 0 elsewhere.
Kernel eye_kernel(const OpCall& call, std::int64_t k) {
  return dispatch(call.dtype_out(), [&]<class T>() {
    return Kernel{[rows = call.shape_out()[0], columns = call.shape_out()[1], k](const Operands& operands) {
      T* dst = operands.out<T>();
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t column = 0; column < columns; ++column) *dst++ = store<T>(column - row == k ? 1 : 0);
      }
    }};
  });
}

/// _eye writes M=0, _npi_eye M=None for a square matrix.
Op eye(std::string name) {
  AttributeSpec columns_attribute = integer("M").or_else(0).at_least(0);
  columns_attribute.nullable = true;
  Op op = creator(std::move(name), "Ones on the k-th diagonal of an N x M matrix, zeros elsewhere; without M, M is N.",
                  {integer("N").at_least(1), std::move(columns_attribute), integer("k").or_else(0), dtype_attribute()});
  op.infer_shape = [](ShapeInference& shapes) {
    const std::int64_t rows = shapes.attributes().integer("N");
    const std::int64_t columns = shapes.attributes().has("M") ? shapes.attributes().integer("M") : 0;
    shapes.set_out(0, {rows, columns > 0 ? columns : rows});
  };
  op.reference = [](const OpCall& call) { return eye_kernel(call, call.attributes().integer("k")); };
  return op;
}

/// dst[i] = start + (i / repeat) * step in the element type's arithmetic, as MXNet's ranges are computed.
Kernel range_kernel(const OpCall& call, double start, double step, std::int64_t repeat) {
  return dispatch(call.dtype_out(), [&]<class T>() {
    using A = arithmetic_t<T>;
    return Kernel{[start = static_cast<A>(start), step = static_cast<A>(step), repeat,
                   count = call.shape_out().elements()](const Operands& operands) {
      T* dst = operands.out<T>();
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t number = i / repeat;
        dst[i] = store<T>(start + static_cast<A>(number) * step);
      }
    }};
  });
}

/// The bounds of _arange: without a stop, start is the stop and the range begins at 0, unless its length is inferred.
struct Bounds {
  double start;
  std::optional<double> stop;
};
Bounds bounds(const Attributes& attributes) {
  const double start = attributes.real("start");
  if (attributes.has("stop")) return {start, attributes.real("stop")};
  if (attributes.flag("infer_range")) return {start, {}};
  return {0, start};
}

Op arange(std::string name) {
  Op op = creator(std::move(name), "start, start + step, … below stop, each `repeat` times.",
                  {real("start"), real("stop").or_none(), real("step").or_else(1.0),
                   integer("repeat").or_else(1).at_least(1), boolean("infer_range").or_else(false), dtype_attribute()});
  op.infer_shape = [](ShapeInference& shapes) {
    const auto [start, stop] = bounds(shapes.attributes());
    if (!stop) return shapes.set_out(0, Shape::of_rank(1));
    const double step = shapes.attributes().real("step");
    const double count = std::ceil((*stop - start) / step);
    constexpr double limit = 1e15;
    if (!(count >= (shapes.np_shape() ? 0 : 1) && count <= limit)) {
      shapes.refuse("the range from {} to {} by {} has no elements, or too many", start, *stop, step);
    }
    shapes.set_out(0, {Shape{static_cast<std::int64_t>(count), shapes.attributes().integer("repeat")}.elements()});
  };
  op.reference = [](const OpCall& call) {
    return range_kernel(call, bounds(call.attributes()).start, call.attributes().real("step"),
                        call.attributes().integer("repeat"));
  };
  return op;
}

/// 1 on the diagonal of a square matrix given by its shape.
Op identity_matrix() {
  Op op = filled("_npi_identity", "The identity matrix of a shape.", [](const Attributes&) { return 0.0; });
  op.reference = [](const OpCall& call) { return eye_kernel(call, 0); };
  op.infer_shape = [shape_rule = op.infer_shape](ShapeInference& shapes) {
    shape_rule(shapes);
    const Shape& dst = shapes.out();
    if (dst.is_known() && (dst.rank() != 2 || dst[0] != dst[1]))
      shapes.refuse("shape={} is no square matrix", dst.str());
  };
  return op;
}

/// dst[axis][i0][i1]… = i_axis.
Op indices() {
  AttributeSpec dtype = dtype_choice("dtype").or_else(std::string("int32"));
  Op op = creator("_npi_indices", "The coordinates of a grid, an axis after the other.",
                  {ints("dimensions"), std::move(dtype)});
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape grid(shapes.attributes().ints("dimensions"));
    if (!grid.is_known()) shapes.refuse("dimensions={} has a negative size", grid.str());
    shapes.set_out(0, joined({grid.rank()}, grid));
  };
  op.reference = [](const OpCall& call) {
    const Shape grid(call.attributes().ints("dimensions"));
    return dispatch(call.dtype_out(), [&]<class T>() {
      return Kernel{[grid, strides = row_major_strides(grid), count = grid.elements()](const Operands& operands) {
        T* dst = operands.out<T>();
        for (int axis = 0; axis < grid.rank(); ++axis) {
          const std::int64_t stride = strides[static_cast<std::size_t>(axis)];
          for (std::int64_t i = 0; i < count; ++i) *dst++ = store<T>(i / stride % grid[axis]);
        }
      }};
    });
  };
  return op;
}

Op full_like() {
  Op op;
  op.name = "_npi_full_like";
  op.doc = "fill_value in the input's shape.";
  op.inputs = always({"a"});
  op.attributes = {real("fill_value"), text("ctx").or_else(std::string()), dtype_choice("dtype").or_none()};
  op.infer_shape = same_shape;
  op.infer_type = [](TypeInference& types) {
    if (types.attributes().has("dtype")) return types.set_out(0, types.attributes().dtype("dtype"));
    same_type(types);
  };
  op.reference = [](const OpCall& call) { return constant_kernel(call, call.attributes().real("fill_value")); };
  return op;
}

Op linspace() {
  Op op = creator(
      "_linspace", "num numbers from start to stop, evenly spaced; stop is the last one with endpoint.",
      {real("start"), real("stop"), integer("num").at_least(0), boolean("endpoint").or_else(true), dtype_attribute()});
  op.aliases = {"_npi_linspace"};
  op.infer_shape = [](ShapeInference& shapes) {
    const std::int64_t count = shapes.attributes().integer("num");
    if (count == 0 && !shapes.np_shape()) shapes.refuse("num=0 leaves no elements");
    shapes.set_out(0, {count});
  };
  op.reference = [](const OpCall& call) {
    const std::int64_t count = call.attributes().integer("num");
    const std::int64_t steps = call.attributes().flag("endpoint") ? count - 1 : count;
    const double start = call.attributes().real("start");
    const double step = steps > 0 ? (call.attributes().real("stop") - start) / static_cast<double>(steps) : 0;
    return dispatch(call.dtype_out(), [&]<class T>() {
      return Kernel{[start, step, count](const Operands& operands) {
        T* dst = operands.out<T>();
        for (std::int64_t i = 0; i < count; ++i) dst[i] = store<T>(start + step * static_cast<double>(i));
      }};
    });
  };
  return op;
}

Op arange_like() {
  Op op;
  op.name = "_contrib_arange_like";
  op.aliases = {"_npx_arange_like"};
  op.doc = "start, start + step, …, as many as the input has elements, or as long as one of its axes.";
  op.attributes = {real("start").or_else(0.0), real("step").or_else(1.0), integer("repeat").or_else(1).at_least(1),
                   text("ctx").or_else(std::string()), integer("axis").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!shapes.attributes().has("axis")) return same_shape(shapes);
    if (src.has_rank()) shapes.set_out(0, {src[resolve_axis(shapes, shapes.attributes().integer("axis"), src.rank())]});
  };
  op.reference = [](const OpCall& call) {
    return range_kernel(call, call.attributes().real("start"), call.attributes().real("step"),
                        call.attributes().integer("repeat"));
  };
  return op;
}

}  // namespace

std::vector<Op> init_ops() {
  Op full = filled("_full", "Every element is `value`.", [](const Attributes& a) { return a.real("value"); },
                   {real("value")});
  full.aliases = {"_npi_full"};
  return {
      filled("_zeros", "Zeros.", [](const Attributes&) { return 0.0; }),
      filled("_ones", "Ones.", [](const Attributes&) { return 1.0; }),
      std::move(full),
      zeros_without_dtype(),
      eye("_eye"),
      arange("_arange"),
      linspace(),
      arange_like(),
      filled("_npi_zeros", "Zeros.", [](const Attributes&) { return 0.0; }),
      filled("_npi_ones", "Ones.", [](const Attributes&) { return 1.0; }),
      eye("_npi_eye"),
      identity_matrix(),
      arange("_npi_arange"),
      indices(),
      full_like(),
  };
}

}  // namespace tenon
