// Quantized operators that do what a real one does: the real operator runs on the integers as double, where it is
// exact.

#include <cmath>

#include "graph/graph.h"
#include "ops/axes.h"
#include "ops/families.h"
#include "ops/quantization.h"

namespace tenon {
namespace {

/// How a quantized operator differs from the real one it lifts. Inputs are the real ones, then a range for each.
struct Lift {
  std::string name;
  std::string doc;
  /// Writes the range of the result; the ranges begin at input `first`.
  void (*range)(const Operands&, DType data, int first);
  /// Changes the integers of an operand beforehand; null where they are taken as they are.
  void (*prepare)(const Operands&, DType data, int first, int operand, std::span<double> values) = nullptr;
  bool widens = false;  ///< the result is int32
};

/// The workspace: a double copy of each operand and of the result, the addresses of the former, then what the real
/// kernel needs.
struct LiftedWorkspace {
  struct Copy {
    std::int64_t count;
    std::size_t offset;
  };
  std::vector<Copy> copies;
  std::size_t addresses = 0, rest = 0;

  explicit LiftedWorkspace(const OpCall& real) {
    for (const TensorType& input : real.inputs) add(input.shape.elements());
    add(real.shape_out().elements());
    addresses = rest;
    rest += aligned(real.inputs.size() * sizeof(const void*));
  }
  std::span<double> copy(const Operands& operands, std::size_t i) const {
    return {reinterpret_cast<double*>(operands.workspace + copies[i].offset),
            static_cast<std::size_t>(copies[i].count)};
  }

 private:
  static std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
  void add(std::int64_t count) {
    copies.push_back({count, rest});
    rest += aligned(static_cast<std::size_t>(count) * sizeof(double));
  }
};

/// The call of the real operator: the same node, its own inputs and first output, all double.
OpCall real_call(const OpCall& call, const Op& op) {
  const std::size_t operand_count = op.inputs(call.attributes()).size();
  OpCall real{call.node, {}, {call.outputs[0]}, call.np_shape};
  real.inputs.assign(call.inputs.begin(), call.inputs.begin() + static_cast<std::ptrdiff_t>(operand_count));
  for (TensorType& type : real.inputs) type.dtype = DType::float64;
  real.outputs[0].dtype = DType::float64;
  return real;
}

Kernel lifted_kernel(const OpCall& call, const Op& op, const Lift& lift) {
  const OpCall real = real_call(call, op);
  const Kernel kernel = op.reference(real);
  const LiftedWorkspace workspace(real);
  std::vector<Reader<double>> readers;
  for (std::size_t i = 0; i < real.inputs.size(); ++i) readers.push_back(reader<double>(*call.inputs[i].dtype));
  const auto run = [=, data = call.dtype_in(0), prepare = lift.prepare, put = lift.range,
                    write = writer<std::int64_t>(call.dtype_out())](const Operands& operands) {
    const int ranges = static_cast<int>(readers.size());
    const std::span src(reinterpret_cast<const void**>(operands.workspace + workspace.addresses), readers.size());
    for (std::size_t i = 0; i < readers.size(); ++i) {
      const std::span<double> values = workspace.copy(operands, i);
      readers[i](operands.src[i], 0, 1, std::ssize(values), values.data());
      if (prepare != nullptr) prepare(operands, data, ranges, static_cast<int>(i), values);
      src[i] = values.data();
    }
    const std::span<double> result = workspace.copy(operands, readers.size());
    void* dst[] = {result.data()};
    kernel.run({src, dst, operands.workspace + workspace.rest});
    for (std::size_t i = 0; i < result.size(); ++i) {
      const auto value = convert<std::int64_t>(std::nearbyint(result[i]));
      write(operands.dst[0], static_cast<std::int64_t>(i), 1, &value);
    }
    put(operands, data, ranges);
  };
  return {run, workspace.rest + kernel.workspace_bytes};
}

/// data, weight, … and then min_data, max_data, min_weight, …
Names with_ranges(Names real) {
  return [real = std::move(real)](const Attributes& attributes) {
    const std::vector<std::string> operands = real(attributes);
    std::vector<std::string> names = operands;
    for (const std::string& name : operands) names.insert(names.end(), {"min_" + name, "max_" + name});
    return names;
  };
}

/// The real operator, turned into its quantized form. Its shape rule must look at its own inputs only.
Op lifted(const Op& real, const Lift& lift) {
  Op op = real;
  op.name = lift.name;
  op.aliases.clear();
  op.doc = lift.doc;
  op.inputs = with_ranges(real.inputs);
  op.outputs = quantized_outputs();
  op.visible_outputs = nullptr;
  op.infer_shape = [real](ShapeInference& shapes) {
    real.infer_shape(shapes);
    infer_range_shapes(shapes, static_cast<int>(real.inputs(shapes.attributes()).size()));
  };
  op.infer_type = [real, widens = lift.widens](TypeInference& types) {
    require_quantized(types, 0);
    const int operands = static_cast<int>(real.inputs(types.attributes()).size());
    for (int i = 1; i < operands; ++i) types.set_in(i, DType::int8);
    infer_range_types(types, operands);
    types.set_out(0, widens ? DType::int32 : types.in(0));
  };
  op.reference = [real, lift](const OpCall& call) { return lifted_kernel(call, real, lift); };
  return op;
}

Op find(const std::vector<Op>& family, std::string_view name) {
  return *std::find_if(family.begin(), family.end(), [&](const Op& op) { return op.name == name; });
}

void same_range(const Operands& operands, DType, int first) {
  put_range(operands, {*operands.in<float>(first), *operands.in<float>(first + 1)});
}

/// 32 bits of a product: the largest integer stands for as many units of data times weight.
void product_range(const Operands& operands, float data_levels, int first) {
  const float unit = magnitude(operands, first, first + 1) / data_levels *
                     (magnitude(operands, first + 2, first + 3) / levels(DType::int8));
  const float end = unit * levels(DType::int32);
  put_range(operands, {-end, end});
}

/// MXNet adds the bias's integers to the products as they are, whatever its range, and takes uint8 data for int8 when
/// it tells the range of the result.
Op convolution_op() {
  return lifted(
      find(convolution_ops(), "Convolution"),
      {.name = "_contrib_quantized_conv",
       .doc = "Convolution of quantized data with int8 weights, in 32 bits.",
       .range = [](const Operands& operands, DType, int first) { product_range(operands, levels(DType::int8), first); },
       .widens = true});
}

/// The bias is brought to the unit of the products, towards zero.
void prepare_dense(const Operands& operands, DType data, int first, int operand, std::span<double> values) {
  if (operand != 2) return;
  const float scale = half_levels(data) / magnitude(operands, first, first + 1) *
                      (half_levels(DType::int8) / magnitude(operands, first + 2, first + 3)) *
                      magnitude(operands, first + 4, first + 5) / half_levels(DType::int8);
  for (double& value : values) value = std::trunc(static_cast<float>(value) * scale);
}

Op dense_op() {
  return lifted(
      find(fully_connected_ops(), "FullyConnected"),
      {.name = "_contrib_quantized_fully_connected",
       .doc = "FullyConnected of quantized data with int8 weights, in 32 bits.",
       .range = [](const Operands& operands, DType data, int first) { product_range(operands, levels(data), first); },
       .prepare = prepare_dense,
       .widens = true});
}

/// An average that counts the padding divides by the whole kernel even where a window hangs over it, as Pooling_v1
/// does.
Op pooling_op() {
  const Op real = find(pooling_ops(), "Pooling"), v1 = find(pooling_ops(), "Pooling_v1");
  const Lift lift = {.name = "_contrib_quantized_pooling",
                     .doc = "Pooling of a quantized tensor, in the same range; averages round halves to even.",
                     .range = same_range};
  Op op = lifted(real, lift);
  op.reference = [real, v1, lift](const OpCall& call) {
    const Attributes& attributes = call.attributes();
    const bool counts_pad = !attributes.has("count_include_pad") || attributes.flag("count_include_pad");
    return lifted_kernel(call, attributes.text("pool_type") == "avg" && counts_pad ? v1 : real, lift);
  };
  return op;
}

Op flatten_op() {
  return lifted(find(flatten_ops(), "Flatten"), {.name = "_contrib_quantized_flatten",
                                                 .doc = "Flatten of a quantized tensor, in the same range.",
                                                 .range = same_range});
}

/// Indices are real numbers and have no range.
Op embedding_op() {
  const Op real = find(indexing_ops(), "Embedding");
  Op op = lifted(
      real,
      {.name = "_contrib_quantized_embedding", .doc = "Rows of an int8 weight, in its range.", .range = same_range});
  op.inputs = always({"data", "weight", "min_weight", "max_weight"});
  op.infer_type = [](TypeInference& types) {
    types.set_in(1, DType::int8);
    types.set_out(0, DType::int8);
    infer_range_types(types, 2);
  };
  return op;
}

/// The widest range of all inputs; the ends of each follow one another.
void widest_range(const Operands& operands, DType data, int first) {
  Range widest{0, 0};
  for (int i = first; i < 3 * first; i += 2) {
    widest.low = std::min(widest.low, *operands.in<float>(i));
    widest.high = std::max(widest.high, *operands.in<float>(i + 1));
  }
  const float end = magnitude(widest);
  put_range(operands, data == DType::uint8 ? widest : Range{-end, end});
}

/// Every input is brought to the widest range.
void prepare_concat(const Operands& operands, DType, int first, int operand, std::span<double> values) {
  float widest = 0;
  for (int i = first; i < 3 * first; i += 2) widest = std::max(widest, magnitude(operands, i, i + 1));
  if (widest == 0) return;
  const float scale = magnitude(operands, first + 2 * operand, first + 2 * operand + 1) / widest;
  for (double& value : values) value *= scale;
}

/// All inputs agree but along `dim`, where the result has their sum.
void concat_shape(ShapeInference& shapes) {
  const int operands = static_cast<int>(shapes.attributes().integer("num_args"));
  infer_range_shapes(shapes, operands);
  const int axis = shapes.in(0).has_rank() ? normal_axis(shapes, shapes.attributes().integer("dim"), shapes.in(0)) : -1;
  if (axis < 0) return;
  Shape dst = shapes.in(0);
  for (int i = 1; i < operands; ++i) {
    const Shape& src = shapes.in(i);
    if (!src.has_rank()) return;
    if (src.rank() != dst.rank()) {
      shapes.refuse("input {} has shape {}, but input 0 has {} axes", i, src.str(), dst.rank());
    }
    const bool known = dst[axis] != Shape::unknown && src[axis] != Shape::unknown;
    dst[axis] = known ? dst[axis] + src[axis] : Shape::unknown;
  }
  shapes.set_out(0, dst);
  Shape common = shapes.out();
  common[axis] = Shape::unknown;
  for (int i = 0; i < operands; ++i) shapes.set_in(i, common);
}

Op concat_op() {
  const Op real = find(concat_ops(), "Concat");
  Op op = lifted(real, {.name = "_contrib_quantized_concat",
                        .doc = "Concat of quantized tensors, brought to the widest of their ranges.",
                        .range = widest_range,
                        .prepare = prepare_concat});
  op.inputs = [real](const Attributes& attributes) {
    const std::vector<std::string> operands = real.inputs(attributes);
    std::vector<std::string> names = operands;
    for (const std::string& name : operands) names.insert(names.end(), {name + "_min", name + "_max"});
    return names;
  };
  op.infer_shape = concat_shape;
  op.infer_type = [](TypeInference& types) {
    const int operands = static_cast<int>(types.attributes().integer("num_args"));
    infer_range_types(types, operands);
    for (int i = 0; i < operands; ++i) {
      require_quantized(types, i);
      types.set_in(i, types.out());
      types.set_out(0, types.in(i));
    }
  };
  return op;
}

}  // namespace

std::vector<Op> quantized_ops() {
  return {convolution_op(), dense_op(), pooling_op(), flatten_op(), embedding_op(), concat_op()};
}

}  // namespace tenon
