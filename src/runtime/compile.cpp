#include "runtime/compile.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "core/error.h"
#include "engine/portions.h"
#include "engine/selector.h"
#include "partition/replace.h"

namespace tenon {
namespace {

/// Infers types and shapes. What the options and the graph leave open has the type of its parameter, else float32.
Graph typed_graph(const Model& model, const BindOptions& options) {
  Graph graph = model.graph();
  std::map<std::string, TensorType> known;
  std::vector<NodeId> variables;
  for (const NodeId id : graph.topological_order()) {
    if (!graph.node(id).is_variable()) continue;
    variables.push_back(id);
    const auto parameter = model.parameters().find(graph.node(id).name);
    if (parameter != model.parameters().end()) known[parameter->first].shape = parameter->second.shape();
  }
  for (const auto& [name, shape] : options.shapes) known[name].shape = shape;
  for (const auto& [name, dtype] : options.types) known[name].dtype = dtype;
  infer(graph, known);

  const auto settle = [&](auto dtype_of_variable) {
    bool changed = false;
    for (const NodeId id : variables) {
      const std::string& name = graph.node(id).name;
      if (graph.type({id, 0}).dtype) continue;
      known[name].dtype = dtype_of_variable(name);
      changed = changed || known[name].dtype;
    }
    if (changed) infer(graph, known);
  };
  settle([&](const std::string& name) {
    const auto parameter = model.parameters().find(name);
    return parameter == model.parameters().end() ? std::optional<DType>{} : parameter->second.dtype();
  });
  settle([](const std::string&) { return std::optional(DType::float32); });
  require_complete(graph);
  return graph;
}

void check_parameters(const Graph& graph, const Parameters& parameters) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const auto parameter = node.is_variable() ? parameters.find(node.name) : parameters.end();
    if (parameter == parameters.end() || node.outputs[0].shape == parameter->second.shape()) continue;
    refuse_node(node, ErrorCode::invalid_argument,
                fmt::format("the parameter has shape {}, but {} is expected", parameter->second.shape().str(),
                            node.outputs[0].shape.str()));
  }
}

std::set<std::string> names_of(const Parameters& parameters) {
  std::set<std::string> names;
  for (const auto& [name, value] : parameters) names.insert(name);
  return names;
}

/// Throws Error where one is no node of the model.
PassOptions asked_passes(const Graph& graph, const BindOptions& options) {
  check_passes(options.disabled_passes);
  std::set<std::string> names;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!graph.node(id).is_variable()) names.insert(graph.node(id).name);
  }
  for (const std::string& name : options.keep_fp32) {
    if (!names.contains(name)) {
      fail(ErrorCode::not_found, "the model has no node '{}' to keep in float32; `tenon show` lists its nodes", name);
    }
  }
  return {.keep_fp32 = options.keep_fp32, .disabled = options.disabled_passes, .dump_folder = options.dump_passes};
}

/// Cuts out what the selector takes.
Graph with_engine_nodes(Compiled& compiled, const BindOptions& options, const Backend& backend,
                        const Parameters& parameters) {
  const std::shared_ptr<const Selector> selector = find_selector(options.selector, backend);
  if (options.min_subgraph < 0) {
    fail(ErrorCode::invalid_argument, "min_subgraph={} must not be negative", options.min_subgraph);
  }
  if (!selector) return compiled.graph;
  const int minimum = options.min_subgraph > 0 ? options.min_subgraph : selector->minimum_nodes();
  compiled.partition = carve(compiled.graph, *selector, {.minimum_nodes = minimum}, parameters);
  return replace_subgraphs(compiled.graph, compiled.partition, *selector, names_of(parameters));
}

}  // namespace

Compiled compile(ParameterStore& store, const BindOptions& options, const Backend& backend, const CompileOptions& how) {
  const Parameters& parameters = store.model().parameters();
  Compiled compiled;
  compiled.graph = typed_graph(store.model(), options);
  check_parameters(compiled.graph, parameters);
  compiled.output_names = compiled.graph.output_names();
  const PassOptions passes = asked_passes(compiled.graph, options);
  Graph graph = with_engine_nodes(compiled, options, backend, parameters);
  if (backend.portions && how.portions) {
    graph = in_portions(graph, names_of(parameters), portion_cache_bytes());
  }
  compiled.program =
      build_program(std::move(graph), backend, parameters, store, {.tuner = how.tuner, .passes = &passes});
  return compiled;
}

}  // namespace tenon
