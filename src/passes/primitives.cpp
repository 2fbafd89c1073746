#include "passes/primitives.h"

#include <algorithm>

#include "core/error.h"
#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "passes/primitive_reference.h"

namespace tenon {
namespace {

std::vector<std::string> numbered(const std::string& stem, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(stem + std::to_string(i));
  return names;
}

/// The fixed inputs, then as many operands as the epilogue reads.
Names with_operands(std::vector<std::string> fixed) {
  return [fixed = std::move(fixed)](const Attributes& attributes) {
    auto names = fixed;
    const int operands = operand_count(parse_expressions(attributes.text("epilogue")));
    for (std::string& name : numbered("operand", static_cast<std::size_t>(operands))) names.push_back(std::move(name));
    return names;
  };
}

std::vector<std::string> one_output_an_expression(const Attributes& attributes) {
  const std::size_t count = parse_expressions(attributes.text("epilogue")).size();
  return count == 1 ? std::vector<std::string>{"output"} : numbered("output", count);
}

// Windows.

std::vector<std::int64_t> list(const Attributes& attributes, const char* name, int rank, std::int64_t fallback) {
  auto items = attributes.ints(name);
  if (items.empty()) items.assign(static_cast<std::size_t>(rank), fallback);
  return items;
}

void check_list(const InferenceWindow& node, const char* name, int rank, std::int64_t minimum) {
  const IntTuple& items = node.attributes().tuple(name);
  const auto legal = [&](const auto& item) { return item && *item >= minimum && *item <= INT32_MAX; };
  if ((!items.empty() && std::ssize(items) != rank) || !std::all_of(items.begin(), items.end(), legal)) {
    node.refuse("attribute {}={} must have {} numbers from {} on, one per spatial axis", name, format_attribute(items),
                rank, minimum);
  }
}

void check_window(const InferenceWindow& node, int rank) {
  if (rank < 1 || rank > 3) node.refuse("the data has {} spatial axes, but 1 to 3 are expected", rank);
  check_list(node, "kernel", rank, 1);
  check_list(node, "stride", rank, 1);
  check_list(node, "pad_begin", rank, 0);
  check_list(node, "pad_end", rank, 0);
  if (node.attributes().has("dilate")) check_list(node, "dilate", rank, 1);
  if (node.attributes().has("adj")) check_list(node, "adj", rank, 0);
}

/// The window as the attributes say, without the sizes it slides over.
Window window_of(const Attributes& attributes, int rank) {
  Window window;
  window.rank = rank;
  const auto read = [&](std::string_view name, Extent& extent) { read_extent(attributes, name, window.rank, extent); };
  read("kernel", window.kernel);
  read("stride", window.stride);
  read("dilate", window.dilate);
  read("pad_begin", window.pad_begin);
  read("pad_end", window.pad_end);
  return window;
}

Window window_of(const OpCall& call) {
  Window window = window_of(call.attributes(), call.shape_in(0).rank() - 2);
  window.src = spatial_extent(call.shape_in(0), {});
  window.dst = spatial_extent(call.shape_out(), {});
  return window;
}

/// The size that a convolution or a pooling makes of `size` elements along slot i.
std::int64_t slid_size(const InferenceWindow& node, const Window& window, std::size_t i, std::int64_t size) {
  const std::int64_t padded = size + window.pad_begin[i] + window.pad_end[i];
  if (window.reach(i) > padded) {
    node.refuse("the window reaches over {} elements, but the data has {}, {} with its padding", window.reach(i), size,
                padded);
  }
  return (padded - window.reach(i)) / window.stride[i] + 1;
}

// Shapes.

Shape convolved_shape(ShapeInference& shapes, bool transposed) {
  const Shape& data = shapes.in(0);
  const Shape& weight = shapes.in(1);
  if (!data.is_known() || !weight.is_known()) return {};
  const int rank = data.rank() - 2;
  check_window(shapes, rank);
  const std::int64_t groups = shapes.attributes().integer("groups");
  const Window window = window_of(shapes.attributes(), rank);
  const int src_axis = transposed ? 0 : 1;
  Shape expected = weight.rank() == data.rank() ? weight : Shape::of_rank(data.rank());
  expected[src_axis] = transposed ? data[1] : data[1] / groups;
  for (int axis = 0; axis < rank; ++axis) expected[2 + axis] = window.kernel[window.slot(axis)];
  shapes.set_in(1, expected);
  const std::int64_t filters = transposed ? weight[1] * groups : weight[0];
  if (data[1] % groups != 0 || filters % groups != 0) {
    shapes.refuse("groups={} must divide {} and {} channels", groups, data[1], filters);
  }
  Shape out = data;
  out[1] = filters;
  for (int axis = 0; axis < rank; ++axis) {
    const std::size_t i = window.slot(axis);
    const std::int64_t size = data[2 + axis];
    if (transposed) {
      const auto adj = list(shapes.attributes(), "adj", rank, 0);
      out[2 + axis] = window.stride[i] * (size - 1) + window.reach(i) - window.pad_begin[i] - window.pad_end[i] +
                      adj[static_cast<std::size_t>(axis)];
      if (out[2 + axis] < 1) shapes.refuse("nothing is left of spatial axis {}", axis);
    } else {
      out[2 + axis] = slid_size(shapes, window, i, size);
    }
  }
  return out;
}

void infer_convolution(ShapeInference& shapes, bool transposed) {
  set_outputs(shapes, convolved_shape(shapes, transposed), 2, 1);
}

void infer_pooling(ShapeInference& shapes) {
  const Shape& data = shapes.in(0);
  if (!data.is_known()) return;
  const int rank = data.rank() - 2;
  check_window(shapes, rank);
  const bool global = shapes.attributes().flag("global");
  if (!global && shapes.attributes().tuple("kernel").empty()) shapes.refuse("the kernel is missing");
  const Window window = window_of(shapes.attributes(), rank);
  Shape out = data;
  for (int axis = 0; axis < rank; ++axis) {
    out[2 + axis] = global ? 1 : slid_size(shapes, window, window.slot(axis), data[2 + axis]);
  }
  set_outputs(shapes, out, 1, 1);
}

void infer_matmul(ShapeInference& shapes) {
  const Shape& data = shapes.in(0);
  const Shape& weight = shapes.in(1);
  if (!data.is_known() || !weight.is_known()) return;
  if (data.rank() < 1) shapes.refuse("the data is a scalar");
  const bool flatten = shapes.attributes().flag("flatten");
  const std::int64_t inner = flatten ? data.elements(1, data.rank()) : data[data.rank() - 1];
  shapes.set_in(1, Shape{Shape::unknown, inner});
  Shape out = flatten ? Shape{data[0], weight[0]} : data;
  out[out.rank() - 1] = weight[0];
  set_outputs(shapes, out, 2, out.rank() - 1);
}

void infer_pointwise(ShapeInference& shapes) {
  const Shape& data = shapes.in(0);
  if (!data.is_known()) return;
  const std::int64_t axis = shapes.attributes().integer("axis");
  const bool vector = data.rank() == 1 && axis == 1;
  set_outputs(shapes, data, 1, data.rank() == 0 || vector ? 0 : resolve_axis(shapes, axis, data.rank()));
}

/// Data and weight share a type, which is the outputs' unless `dtype` says another. Operands have any.
void infer_type(TypeInference& types, bool weighted) {
  const auto data = types.in(0);
  if (weighted) types.set_in(1, data);
  const auto dtype = types.attributes().has("dtype") ? std::optional(types.attributes().dtype("dtype")) : data;
  for (int i = 0; i < types.outputs(); ++i) types.set_out(i, dtype);
}

// Declarations.

/// What every primitive has besides: `attributes` come first.
Op primitive(std::string name, const std::vector<std::string>& inputs, std::vector<AttributeSpec> attributes) {
  Op op;
  op.name = std::move(name);
  op.inputs = with_operands(inputs);
  op.outputs = one_output_an_expression;
  op.visible_outputs = [](const Attributes&) { return 0; };  // none is wanted for its own sake
  op.attributes = std::move(attributes);
  op.attributes.push_back(text("epilogue").or_else("x"));
  op.attributes.push_back(dtype_choice("dtype").or_none());
  op.attributes.push_back(choice("precision", {"fp32", "tf32", "bf16", "fp16"}).or_else("fp32"));
  op.infer_type = [weighted = inputs.size() > 1](TypeInference& types) { infer_type(types, weighted); };
  op.reference = primitive_reference;
  return op;
}

std::vector<AttributeSpec> window_attributes(std::vector<AttributeSpec> attributes) {
  for (const char* name : {"kernel", "stride", "pad_begin", "pad_end"}) {
    attributes.push_back(ints(name).or_else(IntTuple{}));
  }
  return attributes;
}

Op convolution() {
  Op op = primitive("convolution", {"data", "weight"},
                    window_attributes({ints("dilate").or_else(IntTuple{}), integer("groups").or_else(1).at_least(1)}));
  op.doc = "x[n,f,p] = sum over c and k of data[n,c,p*stride-pad_begin+k*dilate] * weight[f,c,k].";
  op.infer_shape = [](ShapeInference& shapes) { infer_convolution(shapes, false); };
  return op;
}

Op deconvolution() {
  Op op = primitive("deconvolution", {"data", "weight"},
                    window_attributes({ints("dilate").or_else(IntTuple{}), integer("groups").or_else(1).at_least(1),
                                       ints("adj").or_else(IntTuple{})}));
  op.doc = "data[n,c,q] adds data * weight[c,f,k] to x[n,f,q*stride-pad_begin+k*dilate]; the far side grows by adj.";
  op.infer_shape = [](ShapeInference& shapes) { infer_convolution(shapes, true); };
  return op;
}

Op matmul() {
  Op op = primitive("matmul", {"data", "weight"}, {boolean("flatten").or_else(true)});
  op.doc = "x[r,h] = sum over i of data[r,i] * weight[h,i]; rows are (batch, rest) or, without flatten, the last axis.";
  op.infer_shape = infer_matmul;
  return op;
}

Op pooling() {
  Op op = primitive("pooling", {"data"},
                    window_attributes({choice("type", {"max", "avg", "sum", "lp"}).or_else("max"),
                                       integer("p_value").or_else(2).at_least(1).at_most(3),
                                       boolean("global").or_else(false), boolean("count_include_pad").or_else(true)}));
  op.doc = "The maximum, average, sum or p-norm of each window; pad_end includes what the convention adds.";
  op.infer_shape = infer_pooling;
  return op;
}

Op pointwise() {
  Op op = primitive("pointwise", {"x"}, {integer("axis").or_else(1)});
  op.doc = "The expressions of each element.";
  op.infer_shape = infer_pointwise;
  return op;
}

}  // namespace

void set_outputs(ShapeInference& shapes, const Shape& shape, int first, int axis) {
  if (!shape.is_known()) return;
  for (int i = 0; i < shapes.outputs(); ++i) shapes.set_out(i, shape);
  for (int k = first; k < shapes.inputs(); ++k) {
    const Shape& operand = shapes.in(k);
    if (!operand.is_known() || operand == shape) continue;
    if (operand.rank() != 1 || shape.rank() == 0 || operand[0] != shape[axis]) {
      shapes.refuse("operand {} has shape {}, but the output's, {}, or one element a channel is expected", k - first,
                    operand.str(), shape.str());
    }
  }
}

Shape convolved_shape(ShapeInference& shapes) {
  return convolved_shape(shapes, false);
}

const OpRegistry& primitives() {
  static const OpRegistry registry = [] {
    OpRegistry result;
    for (const auto make : {convolution, deconvolution, matmul, pooling, pointwise}) result.add(make());
    return result;
  }();
  return registry;
}

const OpRegistry& body_ops() {
  static const OpRegistry registry = [] {
    OpRegistry result;
    for (const OpRegistry* part : {&ops(), &primitives()}) {
      for (const Op* op : part->all()) result.add(*op);
    }
    return result;
  }();
  return registry;
}

bool is_primitive(const Node& node) {
  return node.op != nullptr && primitives().find(node.op->name) != nullptr;
}

int first_operand(const Node& node) {
  const auto inputs = std::ssize(node.inputs);
  return static_cast<int>(inputs) - operand_count(epilogue_of(node));
}

Expressions epilogue_of(const Node& node) {
  return parse_expressions(node.attributes.text("epilogue"));
}

int channel_axis(const Node& node, int rank) {
  if (rank <= 1) return 0;
  if (node.op->name == "matmul") return rank - 1;
  return node.op->name == "pointwise" ? from_front(node.attributes.integer("axis"), rank) : 1;
}

bool is_per_channel(const OpCall& call, int k) {
  return call.shape_in(first_operand(call.node) + k) != call.shape_out();
}

Precision precision_of(const Node& node) {
  const std::string& word = node.attributes.text("precision");
  if (word == "fp32") return Precision::fp32;
  if (word == "tf32") return Precision::tf32;
  return word == "bf16" ? Precision::bf16 : Precision::fp16;
}

ConvolutionSizes convolution_sizes(const OpCall& call) {
  return {call.shape_in(0)[0], call.attributes().integer("groups"), call.shape_in(0)[1], call.shape_out()[1],
          window_of(call)};
}

MatmulSizes matmul_sizes(const OpCall& call) {
  const Shape& out = call.shape_out();
  return {out.elements(0, out.rank() - 1), call.shape_in(1)[1], call.shape_in(1)[0]};
}

PoolingSizes pooling_sizes(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  PoolingSizes sizes{call.shape_in(0)[0], call.shape_in(0)[1], window_of(call)};
  if (attributes.flag("global")) sizes.window.kernel = sizes.window.src;
  const std::string& type = attributes.text("type");
  sizes.type = type == "max"   ? PoolingType::max
               : type == "avg" ? PoolingType::average
               : type == "sum" ? PoolingType::sum
                               : PoolingType::lp;
  sizes.count_include_pad = attributes.flag("count_include_pad");
  sizes.p_value = static_cast<int>(attributes.integer("p_value"));
  return sizes;
}

}  // namespace tenon
