// softmax, log_softmax and softmin along one axis; the old SoftmaxOutput and SoftmaxActivation; softmax_cross_entropy.

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/axis_split.h"
#include "ops/rules.h"

namespace tenon {
namespace {

enum class Function { softmax, log_softmax, softmin };

struct SoftmaxProblem {
  AxisSplit split;
  Function function = Function::softmax;
  double temperature = 1;
};

/// One line of `count` elements, `step` apart: e^(x/temperature - max) / sum, or its logarithm. MXNet computes in the
/// data's type, so that a half's rounding shows even where the result is asked for in float32.
template <class T, class U>
void softmax_line(const SoftmaxProblem& problem, const T* src, U* dst, std::int64_t count, std::int64_t step) {
  using A = arithmetic_t<T>;
  const auto rounded = [](auto x) -> A { return load(store<T>(x)); };
  const A sign = problem.function == Function::softmin ? -1 : 1;
  const A temperature = static_cast<A>(problem.temperature);
  A greatest = -std::numeric_limits<A>::infinity(), sum = 0;
  for (std::int64_t i = 0; i < count; ++i) greatest = std::max(greatest, sign * load(src[i * step]));
  const auto shifted = [&](std::int64_t i) { return rounded((sign * load(src[i * step]) - greatest) / temperature); };
  for (std::int64_t i = 0; i < count; ++i) sum = rounded(sum + std::exp(shifted(i)));
  const A logarithm = std::log(sum);
  for (std::int64_t i = 0; i < count; ++i) {
    const bool log = problem.function == Function::log_softmax;
    dst[i * step] = store<U>(rounded(log ? shifted(i) - logarithm : std::exp(shifted(i)) / sum));
  }
}

template <class T, class U>
void softmax(const SoftmaxProblem& problem, const Operands& operands) {
  const auto& [outer, size, inner] = problem.split;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const std::int64_t first = problem.split.line(o, i);
      softmax_line(problem, operands.in<T>(0) + first, operands.out<U>() + first, size, inner);
    }
  }
}

/// Each line has its own length, beyond which the result is zero.
template <class T, class U, class Length>
void softmax_with_length(const SoftmaxProblem& problem, const Operands& operands) {
  const auto& [outer, size, inner] = problem.split;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const std::int64_t first = problem.split.line(o, i);
      const std::int64_t length = std::clamp<std::int64_t>(operands.in<Length>(1)[o * inner + i], 0, size);
      U* dst = operands.out<U>() + first;
      softmax_line(problem, operands.in<T>(0) + first, dst, length, inner);
      for (std::int64_t j = length; j < size; ++j) dst[j * inner] = store<U>(0.0f);
    }
  }
}

bool has_length(const Attributes& attributes) {
  return attributes.has("use_length") && attributes.flag("use_length");
}

Kernel softmax_kernel(const OpCall& call, const SoftmaxProblem& problem) {
  const auto name = call.node.op_name();
  return dispatch_float(call.dtype_in(0), name, [&]<class T>() {
    return dispatch_float(call.dtype_out(), name, [&]<class U>() -> Kernel {
      if (!has_length(call.attributes())) {
        return {[problem](const Operands& operands) { softmax<T, U>(problem, operands); }};
      }
      if (call.dtype_in(1) == DType::int64) {
        return {[problem](const Operands& operands) { softmax_with_length<T, U, std::int64_t>(problem, operands); }};
      }
      return {[problem](const Operands& operands) { softmax_with_length<T, U, std::int32_t>(problem, operands); }};
    });
  });
}

/// The shape without one axis.
Shape without(const Shape& shape, int axis) {
  std::vector<std::int64_t> dims(shape.begin(), shape.end());
  dims.erase(dims.begin() + axis);
  return Shape(std::move(dims));
}

void infer_softmax_shape(ShapeInference& shapes) {
  if (has_length(shapes.attributes()) && shapes.inputs() < 2) {
    shapes.refuse("use_length=True needs the input 'length', which only softmax has");
  }
  tie_data_and_output(shapes);
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  // A scalar is a line of one element.
  const int axis = data.rank() == 0 ? 0 : resolve_axis(shapes, shapes.attributes().integer("axis"), data.rank());
  if (shapes.inputs() > 1) shapes.set_in(1, without(data, axis));
}

void infer_softmax_type(TypeInference& types) {
  const bool converts = types.attributes().has("dtype");
  if (converts) types.set_out(0, types.attributes().dtype("dtype"));
  if (!converts) types.set_in(0, types.out());
  if (!converts) types.set_out(0, types.in(0));
  if (types.inputs() < 2) return;
  const auto length = types.in(1);
  if (length && *length != DType::int32 && *length != DType::int64) {
    types.refuse("'length' is {}, but int32 or int64 is expected", name(*length));
  }
}

Kernel make_softmax(const OpCall& call, Function function) {
  const Attributes& attributes = call.attributes();
  const Shape& data = call.shape_in(0);
  SoftmaxProblem problem;
  problem.function = function;
  if (attributes.has("temperature")) problem.temperature = attributes.real("temperature");
  if (data.rank() > 0) {
    const int axis = from_front(attributes.integer("axis"), data.rank());
    problem.split = split_around(data, axis, axis + 1);
  }
  return softmax_kernel(call, problem);
}

Op softmax_op(std::string name, std::vector<std::string> aliases, Function function, std::string doc) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.attributes = {integer("axis").or_else(-1), real("temperature").or_none(),
                   dtype_choice("dtype", {"float16", "float32", "float64"}).or_none(), boolean("use_length").or_none()};
  op.infer_shape = infer_softmax_shape;
  op.infer_type = infer_softmax_type;
  op.reference = [function](const OpCall& call) { return make_softmax(call, function); };
  return op;
}

Op softmax_with_length_op() {
  Op op = softmax_op("softmax", {"_npx_softmax"}, Function::softmax,
                     "e^(x/temperature) / its sum along the axis; beyond `length` the result is 0.");
  op.inputs = [](const Attributes& attributes) {
    return has_length(attributes) ? std::vector<std::string>{"data", "length"} : std::vector<std::string>{"data"};
  };
  return op;
}

// SoftmaxOutput and SoftmaxActivation.

/// multi_output: over axis 1; preserve_shape: over the last axis; else over everything but the batch.
AxisSplit softmax_output_split(const Attributes& attributes, const Shape& data) {
  const int rank = data.rank();
  if (attributes.flag("multi_output")) return split_around(data, 1, 2);
  if (attributes.flag("preserve_shape")) return split_around(data, rank - 1, rank);
  return split_around(data, 1, rank);
}

/// Known ranks agree and so do known dimensions.
bool compatible(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return true;
  const auto fits = [](std::int64_t x, std::int64_t y) { return x == y || x == Shape::unknown || y == Shape::unknown; };
  return a.rank() == b.rank() && std::equal(a.begin(), a.end(), b.begin(), fits);
}

/// The shapes a label may have, the one an unknown label gets first.
std::vector<Shape> label_shapes(const Attributes& attributes, const Shape& data) {
  if (!attributes.flag("multi_output")) return {without(data, data.rank() - 1), data};
  Shape kept = data;
  kept[1] = 1;
  const bool known = without(data, 1).is_known();
  const std::int64_t rest = known ? data.elements(2, data.rank()) : Shape::unknown;
  return {{data[0], rest}, without(data, 1), kept, data};
}

void infer_softmax_output(ShapeInference& shapes) {
  tie_data_and_output(shapes);
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  const int least = shapes.attributes().flag("multi_output") ? 2 : 1;
  if (data.rank() < least) shapes.refuse("'data' has shape {}, but at least {} axes are expected", data.str(), least);
  const std::vector<Shape> legal = label_shapes(shapes.attributes(), data);
  const Shape& label = shapes.in(1);
  const auto fitting =
      std::find_if(legal.begin(), legal.end(), [&](const Shape& shape) { return compatible(shape, label); });
  if (fitting == legal.end()) {
    shapes.refuse("'label' has shape {}, but {} is expected for 'data' {}", label.str(), legal[0].str(), data.str());
  }
  shapes.set_in(1, *fitting);
}

Op softmax_output() {
  Op op;
  op.name = "SoftmaxOutput";
  op.aliases = {"Softmax"};
  op.doc =
      "softmax over axis 1 (multi_output), the last axis (preserve_shape) or all but the batch; the label is not used.";
  op.inputs = always({"data", "label"});
  op.attributes = {real("grad_scale").or_else(1),
                   real("ignore_label").or_else(-1),
                   boolean("multi_output").or_else(false),
                   boolean("use_ignore").or_else(false),
                   boolean("preserve_shape").or_else(false),
                   choice("normalization", {"null", "batch", "valid"}).or_else("null"),
                   boolean("out_grad").or_else(false),
                   real("smooth_alpha").or_else(0).at_least(0).at_most(1)};
  op.infer_shape = infer_softmax_output;
  op.reference = [](const OpCall& call) {
    return softmax_kernel(call, {softmax_output_split(call.attributes(), call.shape_in(0))});
  };
  return op;
}

Op softmax_activation() {
  Op op;
  op.name = "SoftmaxActivation";
  op.doc = "softmax over axis 1 (mode=channel) or over the last axis (mode=instance).";
  op.attributes = {choice("mode", {"instance", "channel"}).or_else("instance")};
  op.infer_shape = [](ShapeInference& shapes) {
    same_shape(shapes);
    const int least = shapes.attributes().text("mode") == "channel" ? 2 : 1;
    if (shapes.in(0).has_rank() && shapes.in(0).rank() < least) {
      shapes.refuse("'data' has shape {}, but at least {} axes are expected", shapes.in(0).str(), least);
    }
  };
  op.reference = [](const OpCall& call) {
    const Shape& data = call.shape_in(0);
    const int axis = call.attributes().text("mode") == "channel" ? 1 : data.rank() - 1;
    return softmax_kernel(call, {split_around(data, axis, axis + 1)});
  };
  return op;
}

// softmax_cross_entropy.

template <class T>
void cross_entropy(std::int64_t rows, std::int64_t classes, const Operands& operands) {
  double total = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* x = operands.in<T>(0) + r * classes;
    const double label = load(operands.in<T>(1)[r]);
    const std::int64_t target =
        label >= 0 ? static_cast<std::int64_t>(std::min(label, static_cast<double>(classes - 1))) : 0;
    double greatest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) greatest = std::max<double>(greatest, load(x[c]));
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(load(x[c]) - greatest);
    total += std::log(sum) + greatest - load(x[target]);
  }
  operands.out<T>()[0] = store<T>(total);
}

Op softmax_cross_entropy() {
  Op op;
  op.name = "softmax_cross_entropy";
  op.doc = "The sum over the rows of -log softmax(data)[label].";
  op.inputs = always({"data", "label"});
  op.infer_shape = [](ShapeInference& shapes) {
    shapes.set_out(0, {1});
    const Shape& data = shapes.in(0);
    if (!data.has_rank()) return;
    if (data.rank() != 2 || data[1] == 0) {
      shapes.refuse("'data' has shape {}, but two axes are expected: rows and classes", data.str());
    }
    shapes.set_in(1, {data[0]});
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[rows = call.shape_in(0)[0], classes = call.shape_in(0)[1]](const Operands& operands) {
        cross_entropy<T>(rows, classes, operands);
      }};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> softmax_ops() {
  return {softmax_with_length_op(),
          softmax_op("log_softmax", {"_npx_log_softmax"}, Function::log_softmax, "The logarithm of softmax."),
          softmax_op("softmin", {}, Function::softmin, "softmax of the negated data."),
          softmax_output(),
          softmax_activation(),
          softmax_cross_entropy()};
}

}  // namespace tenon
