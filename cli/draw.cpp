#include "draw.h"

#include <dlfcn.h>

#include <set>

#include <fmt/format.h>

#include "core/error.h"
#include "draw_plugin.h"

namespace tenon::cli {
namespace {

/// What the box of an operator says below its name.
std::string details(const Node& node) {
  std::string text(node.op_name());
  for (const char* attribute : {"kernel", "stride", "num_filter", "num_hidden", "pool_type", "act_type"}) {
    const auto written = node.written.find(attribute);
    if (written != node.written.end()) text += fmt::format("\n{} {}", attribute, written->second);
  }
  return text;
}

const char* colour(std::string_view op) {
  if (op == "Convolution" || op == "Deconvolution" || op == "FullyConnected" || op == "RNN") return "#fb8072";
  if (op == "BatchNorm" || op == "LayerNorm" || op == "InstanceNorm") return "#bebada";
  if (op == "Activation" || op == "LeakyReLU") return "#ffffb3";
  if (op == "Pooling") return "#80b1d3";
  if (op == "Concat" || op == "Flatten" || op == "Reshape") return "#fdb462";
  return "#fccde5";
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    result += letter == '\n' ? "\\n" : std::string(1, letter);
  }
  return result + '"';
}

std::string to_dot(const Graph& graph, const std::vector<std::string>& inputs, const std::string& title) {
  const std::set<std::string> fed(inputs.begin(), inputs.end());
  std::string nodes, arrows;
  for (const NodeId id : graph.topological_order()) {
    const Node& node = graph.node(id);
    if (node.is_variable()) {
      if (!fed.contains(node.name)) continue;
      nodes += fmt::format("  n{} [label={}, shape=oval, fillcolor=\"#8dd3c7\"];\n", id, quoted(node.name));
      continue;
    }
    nodes += fmt::format("  n{} [label={}, fillcolor=\"{}\"];\n", id, quoted(node.name + "\n" + details(node)),
                         colour(node.op_name()));
    for (const Value input : node.inputs) {
      const Node& source = graph.node(input.node);
      if (source.is_variable() && !fed.contains(source.name)) continue;
      const Shape& shape = graph.type(input).shape;
      arrows += fmt::format("  n{} -> n{}{};\n", input.node, id,
                            shape.has_rank() ? fmt::format(" [label={}]", quoted(shape.str())) : "");
    }
  }
  return fmt::format(
      "digraph {} {{\n  node [shape=box, style=filled, fontname=\"Helvetica\", fontsize=11];\n"
      "  edge [fontname=\"Helvetica\", fontsize=9];\n{}{}}}\n",
      quoted(title), nodes, arrows);
}

std::string to_svg(const std::string& dot) {
  const std::unique_ptr<void, int (*)(void*)> plugin(dlopen(kDrawPlugin, RTLD_NOW | RTLD_LOCAL), dlclose);
  if (!plugin) {
    fail(ErrorCode::unsupported,
         "a picture needs the Graphviz library, which is not there ({}); --dot writes the graph "
         "without it",
         dlerror());
  }
  const auto draw = reinterpret_cast<DrawSvg*>(dlsym(plugin.get(), kDrawSymbol));
  if (draw == nullptr) fail(ErrorCode::internal, "{} is not of this version of tenon", kDrawPlugin);
  std::string svg;
  const auto take = [](void* context, const char* data, std::size_t length) {
    static_cast<std::string*>(context)->assign(data, length);
  };
  if (draw(dot.c_str(), take, &svg) != 0) fail(ErrorCode::unsupported, "Graphviz could not lay out the graph as SVG");
  return svg;
}

}  // namespace tenon::cli
