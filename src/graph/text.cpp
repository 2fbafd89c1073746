#include <map>

#include "core/error.h"
#include "graph/graph.h"

// Grammar, a statement a line; blank lines and lines that begin with '#' are skipped:
//
//   names    := '%' (letter | digit | '_' | '.')+   |   '%"' any text with \" \\ \n escaped '"'
//   value    := name ['#' output]
//   variable := name '= variable' [attributes] [': ' type]
//   node     := name '=' operator '(' value, … ')' [attributes] [': ' type, …]
//   types    := dtype-or-? shape
//   return   := 'return' value, …
//
// Two nodes may carry one name in MXNet; the text form tells them apart by a '~2' after the second, which is not part
// of the name. Attribute values are bare up to ',' or '}' at bracket depth 0, or quoted.

namespace tenon {
namespace {

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (!plain) return false;
  }
  return true;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string word(std::string_view text) {
  return is_plain(text) ? std::string(text) : quoted(text);
}

/// A bare attribute value may hold balanced brackets, blanks and signs, but nothing that would end it early.
bool is_bare_value(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  int depth = 0;
  for (const char c : text) {
    if (c == '"' || c == '{' || c == '}' || c == '\n' || c == '\\') return false;
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (depth < 0 || (c == ',' && depth == 0)) return false;
  }
  return depth == 0;
}

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph) {}

  std::string print() {
    std::string text;
    for (const NodeId id : graph_.topological_order()) text += line(id) + "\n";
    text += "return ";
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) text += (i != 0 ? ", " : "") + value(graph_.outputs[i]);
    return text + "\n";
  }

 private:
  std::string line(NodeId id) {
    const Node& node = graph_.node(id);
    const int repeats = ++seen_[node.name];
    labels_[id] = "%" + word(node.name) + (repeats > 1 ? "~" + std::to_string(repeats) : "");
    std::string text = labels_[id] + " = ";
    if (node.is_variable()) {
      text += "variable";
    } else {
      text += word(node.op->name) + "(";
      for (std::size_t i = 0; i < node.inputs.size(); ++i) text += (i != 0 ? ", " : "") + value(node.inputs[i]);
      text += ")";
    }
    return text + attributes(node) + types(node);
  }

  std::string value(Value value) {
    return labels_.at(value.node) + (value.output != 0 ? "#" + std::to_string(value.output) : "");
  }

  static std::string attributes(const Node& node) {
    if (node.written.empty()) return "";
    std::string text = " {";
    for (const auto& [name, value] : node.written) {
      if (text.size() > 2) text += ", ";
      text += word(name) + "=" + (is_bare_value(value) ? value : quoted(value));
    }
    return text + "}";
  }

  static std::string types(const Node& node) {
    std::string text;
    for (const TensorType& type : node.outputs) {
      text += text.empty() ? " : " : ", ";
      text += (type.dtype ? std::string(name(*type.dtype)) : "?") + " " + type.shape.str();
    }
    const bool nothing_known = [&] {
      for (const TensorType& type : node.outputs) {
        if (type.dtype || type.shape.has_rank()) return false;
      }
      return true;
    }();
    return nothing_known ? "" : text;
  }

  const Graph& graph_;
  std::map<std::string, int> seen_;
  std::map<NodeId, std::string> labels_;
};

class Parser {
 public:
  Parser(std::string_view text, const OpRegistry& registry) : text_(text), registry_(registry) {}

  Graph parse() {
    bool returned = false;
    while (!text_.empty()) {
      ++line_number_;
      const std::size_t end = text_.find('\n');
      line_ = text_.substr(0, end);
      text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
      skip_blanks();
      if (line_.empty() || line_.front() == '#') continue;
      if (returned) refuse("a statement after return");
      if (take("return")) {
        graph_.outputs = values('\0');
        returned = true;
      } else {
        statement();
      }
      skip_blanks();
      if (!line_.empty()) refuse("unexpected '" + std::string(line_) + "'");
    }
    if (!returned) refuse("the graph ends without a return");
    return std::move(graph_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail(ErrorCode::invalid_argument, "graph text, line {}: {}", line_number_, what);
  }

  void skip_blanks() {
    while (!line_.empty() && line_.front() == ' ') line_.remove_prefix(1);
  }

  bool take(std::string_view token) {
    skip_blanks();
    if (!line_.starts_with(token)) return false;
    line_.remove_prefix(token.size());
    return true;
  }

  void expect(std::string_view token) {
    if (!take(token)) refuse("'" + std::string(token) + "' is expected before '" + std::string(line_) + "'");
  }

  std::string quoted_text() {
    std::string result;
    while (!line_.empty() && line_.front() != '"') {
      char c = line_.front();
      line_.remove_prefix(1);
      if (c == '\\') {
        if (line_.empty()) break;
        c = line_.front() == 'n' ? '\n' : line_.front();
        line_.remove_prefix(1);
      }
      result += c;
    }
    if (line_.empty()) refuse("a quoted word does not end");
    line_.remove_prefix(1);
    return result;
  }

  std::string read_word() {
    if (take("\"")) return quoted_text();
    std::size_t length = 0;
    while (length < line_.size() && is_plain(line_.substr(length, 1))) ++length;
    if (length == 0) refuse("a name is expected before '" + std::string(line_) + "'");
    std::string result(line_.substr(0, length));
    line_.remove_prefix(length);
    return result;
  }

  std::int64_t number() {
    std::size_t length = 0;
    while (length < line_.size() && line_[length] >= '0' && line_[length] <= '9') ++length;
    if (length == 0 || length > 18) refuse("a number is expected before '" + std::string(line_) + "'");
    const std::int64_t result = std::stoll(std::string(line_.substr(0, length)));
    line_.remove_prefix(length);
    return result;
  }

  struct Label {
    std::string name;
    std::int64_t repeat = 1;
    auto operator<=>(const Label&) const = default;
  };

  Label label() {
    expect("%");
    Label result{read_word()};
    if (line_.starts_with('~')) {
      line_.remove_prefix(1);
      result.repeat = number();
    }
    return result;
  }

  Value value() {
    const Label wanted = label();
    const auto found = ids_.find(wanted);
    if (found == ids_.end()) refuse("%" + wanted.name + " is not defined above");
    Value result{found->second, 0};
    if (line_.starts_with('#')) {
      line_.remove_prefix(1);
      const std::int64_t output = number();
      if (output >= static_cast<std::int64_t>(graph_.node(result.node).outputs.size())) {
        refuse("%" + wanted.name + " has no output " + std::to_string(output));
      }
      result.output = static_cast<int>(output);
    }
    return result;
  }

  /// Comma-separated values up to `closing`, which is consumed; to the end of the line for '\0'.
  std::vector<Value> values(char closing) {
    std::vector<Value> result;
    const std::string_view end(&closing, 1);
    if (closing != '\0' && take(end)) return result;
    do {
      result.push_back(value());
    } while (take(","));
    if (closing != '\0') expect(end);
    return result;
  }

  std::map<std::string, std::string> attributes() {
    std::map<std::string, std::string> result;
    if (!take("{")) return result;
    do {
      std::string name = read_word();
      expect("=");
      result.emplace(std::move(name), take("\"") ? quoted_text() : bare_value());
    } while (take(","));
    expect("}");
    return result;
  }

  std::string bare_value() {
    int depth = 0;
    std::size_t length = 0;
    for (; length < line_.size(); ++length) {
      const char c = line_[length];
      if (depth == 0 && (c == ',' || c == '}')) break;
      if (c == '(' || c == '[') ++depth;
      if (c == ')' || c == ']') --depth;
    }
    std::string result(line_.substr(0, length));
    line_.remove_prefix(length);
    return result;
  }

  void types(Node& node) {
    if (!take(":")) return;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (i != 0) expect(",");
      if (!take("?")) {
        const std::string dtype = read_word();
        node.outputs[i].dtype = parse_dtype(dtype);
        if (!node.outputs[i].dtype) refuse("'" + dtype + "' is not an element type");
      }
      node.outputs[i].shape = shape();
    }
  }

  Shape shape() {
    expect("(");
    if (take("...")) {
      expect(")");
      return {};
    }
    std::vector<std::int64_t> dims;
    while (!take(")")) {
      dims.push_back(take("?") ? Shape::unknown : number());
      take(",");
    }
    return Shape(std::move(dims));
  }

  void statement() {
    const Label defined = label();
    expect("=");
    const std::string op_name = read_word();
    NodeId id = 0;
    if (op_name == "variable") {
      id = graph_.add_variable(defined.name, attributes());
    } else {
      const Op* op = registry_.find(op_name);
      if (op == nullptr) refuse("operator '" + op_name + "' is unknown");
      expect("(");
      auto inputs = values(')');
      id = graph_.add(*op, defined.name, std::move(inputs), attributes());
    }
    types(graph_.node(id));
    if (!ids_.emplace(defined, id).second) refuse("%" + defined.name + " is defined twice");
  }

  std::string_view text_;
  std::string_view line_;
  int line_number_ = 0;
  const OpRegistry& registry_;
  Graph graph_;
  std::map<Label, NodeId> ids_;
};

}  // namespace

std::string to_text(const Graph& graph) {
  return Printer(graph).print();
}

Graph parse_graph(std::string_view text, const OpRegistry& registry) {
  return Parser(text, registry).parse();
}

}  // namespace tenon
