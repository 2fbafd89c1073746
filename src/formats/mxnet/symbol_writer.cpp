// Symbol JSON in the very layout of MXNet's writer: two blanks a level, ", " before a line break, lists of more than
// ten items and maps of more than one item in several lines.

#include "formats/mxnet/symbol.h"

#include <fmt/ranges.h>

namespace tenon {
namespace {

constexpr int kVersion = 10901;

/// MXNet's reader knows these escapes and no others, so everything else goes out as it is.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '\r':
        result += "\\r";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\t':
        result += "\\t";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '"':
        result += "\\\"";
        break;
      default:
        result += c;
    }
  }
  return result + '"';
}

/// The items between brackets, in one line or one a line, `depth` levels deep.
std::string bracketed(char open, const std::vector<std::string>& items, char close, bool lines, int depth) {
  const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
  const std::string separator = lines ? ", \n" + indent + "  " : ", ";
  std::string text(1, open);
  if (lines) text += "\n" + indent + "  ";
  text += fmt::format("{}", fmt::join(items, separator));
  if (lines) text += "\n" + indent;
  return text + close;
}

std::string list(const std::vector<std::string>& items, int depth) {
  return bracketed('[', items, ']', items.size() > 10, depth);
}

std::string map(const std::vector<std::string>& items, int depth) {
  return bracketed('{', items, '}', items.size() > 1, depth);
}

std::string attributes(const std::map<std::string, std::string>& written, int depth) {
  std::vector<std::string> items;
  for (const auto& [name, value] : written) items.push_back(quoted(name) + ": " + quoted(value));
  return map(items, depth);
}

/// What node_row_ptr counts. MXNet's builds with oneDNN give max pooling a hidden workspace, and the released build,
/// whose files this writer reproduces, is such a build.
int counted_outputs(const Node& node) {
  const auto outputs = static_cast<int>(node.outputs.size());
  if (node.op_name() != "Pooling") return outputs;
  const auto rank = node.attributes.tuple("kernel").size();
  const bool planar = !node.attributes.has("layout") || node.attributes.text("layout").starts_with("NC");
  const bool workspace = node.attributes.text("pool_type") == "max" && !node.attributes.flag("global_pool") && planar &&
                         rank >= 1 && rank <= 3;
  return workspace ? 2 : outputs;
}

/// Writes a graph whose node ids are positions in topological order.
class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph), versions_(static_cast<std::size_t>(graph.size()), 0) {}

  std::string write() {
    std::vector<std::string> nodes, arguments, row_ptr{"0"}, heads;
    int outputs = 0;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_.node(id);
      nodes.push_back(this->node(node));
      if (node.is_variable()) arguments.push_back(std::to_string(id));
      outputs += counted_outputs(node);
      row_ptr.push_back(std::to_string(outputs));
    }
    for (const Value head : graph_.outputs) heads.push_back(entry(head, 0));
    std::vector<std::string> attrs;
    if (graph_.np_shape) attrs.push_back(R"("is_np_shape": ["int", 1])");
    attrs.push_back(fmt::format(R"("mxnet_version": ["int", {}])", kVersion));
    return map({"\"nodes\": " + bracketed('[', nodes, ']', true, 1), "\"arg_nodes\": " + list(arguments, 1),
                "\"node_row_ptr\": " + list(row_ptr, 1), "\"heads\": " + list(heads, 1), "\"attrs\": " + map(attrs, 1)},
               0);
  }

 private:
  std::string node(const Node& node) {
    std::vector<std::string> items{"\"op\": " + quoted(node.op_name()), "\"name\": " + quoted(node.name)};
    if (!node.written.empty()) items.push_back("\"attrs\": " + attributes(node.written, 3));
    std::vector<std::string> inputs;
    for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
      const Value input = node.inputs[static_cast<std::size_t>(i)];
      int& version = versions_[static_cast<std::size_t>(input.node)];
      // An operator that updates a variable in training makes a new version of it.
      if (node.op->is_auxiliary(i) && graph_.node(input.node).is_variable()) ++version;
      inputs.push_back(entry(input, version));
    }
    items.push_back("\"inputs\": " + list(inputs, 3));
    return map(items, 2);
  }

  static std::string entry(Value value, int version) {
    return fmt::format("[{}, {}, {}]", value.node, value.output, version);
  }

  const Graph& graph_;
  std::vector<int> versions_;
};

}  // namespace

std::string save_symbol(const Graph& graph) {
  Graph ordered = graph;
  ordered.compact();
  return Writer(ordered).write();
}

}  // namespace tenon
