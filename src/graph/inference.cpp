#include "graph/inference.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/error.h"
#include "graph/graph.h"

namespace tenon {
namespace {

/// Runs one kind of rule over the nodes, forwards then backwards, until a sweep learns nothing.
template <class Window, class Rule>
void sweep(Graph& graph, const std::vector<NodeId>& order, Rule rule) {
  const auto visit = [&](NodeId id) {
    Node& node = graph.node(id);
    if (node.is_variable()) return false;
    Window window(graph, node);
    rule(*node.op, window);
    return window.changed();
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (const NodeId id : order) changed = visit(id) || changed;
    for (auto id = order.rbegin(); id != order.rend(); ++id) changed = visit(*id) || changed;
  }
}

TensorType hinted_type(const Node& variable, bool np_shape) {
  TensorType type;
  if (const auto shape = variable.written.find("__shape__"); shape != variable.written.end()) {
    const AttributeValue value = parse_attribute(ints("__shape__").or_none(), shape->second);
    if (const auto* tuple = std::get_if<IntTuple>(&value)) {
      std::vector<std::int64_t> dims;
      for (const auto& dim : *tuple) dims.push_back(dim.value_or(Shape::unknown));
      type.shape = from_mxnet(std::move(dims), np_shape);
    }
  }
  if (const auto dtype = variable.written.find("__dtype__"); dtype != variable.written.end()) {
    // MXNet's type codes, in order; -1 is unset.
    constexpr DType codes[] = {DType::float32, DType::float64, DType::float16, DType::uint8,
                               DType::int32,   DType::int8,    DType::int64,   DType::boolean};
    const auto code = std::get<std::int64_t>(parse_attribute(integer("__dtype__"), dtype->second));
    if (code >= 0 && code < 8) type.dtype = codes[code];
    if (code == 12) type.dtype = DType::bfloat16;
  }
  return type;
}

/// The bound of Shape::elements(), for a single size: rules add pads and windows to it without looking.
bool is_countable(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](std::int64_t size) { return size <= std::int64_t{1} << 62; });
}

std::string uncountable(const Shape& shape) {
  return fmt::format("the shape {} has a size beyond 2^62", shape.str());
}

/// What the caller says wins over what the variable hints.
void seed_variables(Graph& graph, const std::vector<NodeId>& order, const std::map<std::string, TensorType>& known) {
  std::size_t matched = 0;
  for (const NodeId id : order) {
    Node& node = graph.node(id);
    if (!node.is_variable()) continue;
    TensorType hint;
    try {
      hint = hinted_type(node, graph.np_shape);
    } catch (const Error& error) {
      refuse_node(node, error.code(), error.what());
    }
    if (const auto found = known.find(node.name); found != known.end()) {
      ++matched;
      if (found->second.shape.has_rank()) hint.shape = found->second.shape;
      if (found->second.dtype) hint.dtype = found->second.dtype;
    }
    if (!is_countable(hint.shape)) refuse_node(node, ErrorCode::invalid_argument, uncountable(hint.shape));
    node.outputs = {hint};
  }
  if (matched >= known.size()) return;
  for (const auto& [name, type] : known) {
    if (graph.find_variable(name) < 0) {
      const auto arguments = graph.arguments();
      fail(ErrorCode::invalid_argument, "the graph has no argument '{}'; its arguments are {}{}", name,
           fmt::join(arguments.begin(), arguments.begin() + std::min<std::ptrdiff_t>(8, std::ssize(arguments)), ", "),
           arguments.size() > 8 ? ", …" : "");
    }
  }
}

}  // namespace

void refuse_node(const Node& node, ErrorCode code, const std::string& sentence) {
  fail(code, "node '{}' ({}): {}", node.name, node.is_variable() ? "variable" : node.op_name(), sentence);
}

const Attributes& InferenceWindow::attributes() const {
  return node_.attributes;
}
int InferenceWindow::inputs() const {
  return static_cast<int>(node_.inputs.size());
}
int InferenceWindow::outputs() const {
  return static_cast<int>(node_.outputs.size());
}
bool InferenceWindow::np_shape() const {
  return graph_.np_shape;
}

TensorType& InferenceWindow::input_type(int i) const {
  return graph_.type(node_.inputs.at(static_cast<std::size_t>(i)));
}
TensorType& InferenceWindow::output_type(int i) const {
  return node_.outputs.at(static_cast<std::size_t>(i));
}

std::string InferenceWindow::input_name(int i) const {
  const auto names = node_.op->inputs(node_.attributes);
  return fmt::format("input {} ('{}', fed by '{}')", i, names[static_cast<std::size_t>(i)],
                     graph_.value_name(node_.inputs[static_cast<std::size_t>(i)]));
}

std::string InferenceWindow::output_name(int i) const {
  return fmt::format("output {} ('{}')", i, node_.op->outputs(node_.attributes)[static_cast<std::size_t>(i)]);
}

void ShapeInference::merge(Shape& known, const Shape& learnt, const std::string& what) {
  if (!learnt.has_rank()) return;
  if (!is_countable(learnt)) refuse("{}: {}", what, uncountable(learnt));
  if (!known.has_rank()) {
    known = learnt;
    changed_ = true;
    return;
  }
  const auto conflict = [&] { refuse("{} has shape {}, but {} is expected", what, known.str(), learnt.str()); };
  if (known.rank() != learnt.rank()) conflict();
  for (int axis = 0; axis < known.rank(); ++axis) {
    if (known[axis] == learnt[axis] || learnt[axis] == Shape::unknown) continue;
    if (known[axis] != Shape::unknown) conflict();
    known[axis] = learnt[axis];
    changed_ = true;
  }
}

void ShapeInference::set_in(int i, const Shape& shape) {
  if (shape.has_rank() && in(i) != shape) merge(input_type(i).shape, shape, input_name(i));
}

void ShapeInference::set_out(int i, const Shape& shape) {
  if (shape.has_rank() && out(i) != shape) merge(output_type(i).shape, shape, output_name(i));
}

void TypeInference::merge(std::optional<DType>& known, std::optional<DType> learnt, const std::string& what) {
  if (!learnt || known == learnt) return;
  if (known) refuse("{} is {}, but {} is expected", what, name(*known), name(*learnt));
  known = learnt;
  changed_ = true;
}

void TypeInference::set_in(int i, std::optional<DType> dtype) {
  if (dtype && in(i) != dtype) merge(input_type(i).dtype, dtype, input_name(i));
}

void TypeInference::set_out(int i, std::optional<DType> dtype) {
  if (dtype && out(i) != dtype) merge(output_type(i).dtype, dtype, output_name(i));
}

void same_type(TypeInference& types) {
  std::optional<DType> dtype;
  for (int i = 0; i < types.inputs() && !dtype; ++i) dtype = types.in(i);
  for (int i = 0; i < types.outputs() && !dtype; ++i) dtype = types.out(i);
  for (int i = 0; i < types.inputs(); ++i) types.set_in(i, dtype);
  for (int i = 0; i < types.outputs(); ++i) types.set_out(i, dtype);
}

void same_shape(ShapeInference& shapes) {
  // Twice: the first round gathers every known dimension into output 0, the second spreads them.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < shapes.inputs(); ++i) {
      shapes.set_in(i, shapes.out());
      shapes.set_out(0, shapes.in(i));
    }
    for (int i = 1; i < shapes.outputs(); ++i) shapes.set_out(i, shapes.out());
  }
}

void infer(Graph& graph, const std::map<std::string, TensorType>& known) {
  const std::vector<NodeId> order = graph.topological_order();
  seed_variables(graph, order, known);
  sweep<TypeInference>(graph, order, [](const Op& op, TypeInference& window) { op.infer_type(window); });
  sweep<ShapeInference>(graph, order, [](const Op& op, ShapeInference& window) { op.infer_shape(window); });
}

void require_complete(const Graph& graph) {
  std::vector<std::string> variables, values;
  for (const NodeId id : graph.topological_order()) {
    const Node& node = graph.node(id);
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) {
      const TensorType& type = graph.type({id, i});
      if (type.shape.is_known() && type.dtype) continue;
      (node.is_variable() ? variables : values)
          .push_back(fmt::format("{} {}{}", graph.value_name({id, i}), type.shape.str(),
                                 type.dtype ? "" : " of unknown type"));
    }
  }
  if (!variables.empty()) {
    fail(ErrorCode::invalid_argument, "these arguments have no known shape; give the shape of an input: {}",
         fmt::join(variables, ", "));
  }
  if (!values.empty()) {
    fail(ErrorCode::invalid_argument, "the shapes of these values do not follow from the inputs: {}",
         fmt::join(values, ", "));
  }
}

Shape from_mxnet(std::vector<std::int64_t> dims, bool np_shape) {
  if (np_shape) return Shape(std::move(dims));
  if (dims.empty()) return {};
  std::replace(dims.begin(), dims.end(), std::int64_t{0}, Shape::unknown);
  return Shape(std::move(dims));
}

}  // namespace tenon
