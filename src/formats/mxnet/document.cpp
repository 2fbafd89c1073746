#include "formats/mxnet/document.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace tenon {
namespace {

using Json = nlohmann::json;

/// A symbol nests five deep (graph, nodes, node, inputs, entry), in subgraphs a few times that.
constexpr int kMaxDepth = 100;

Json parse_json(std::string_view text) {
  const auto check_depth = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) fail(ErrorCode::corrupt, "the symbol JSON nests deeper than {} levels", kMaxDepth);
    return true;
  };
  try {
    return Json::parse(text, check_depth);
  } catch (const Json::exception& error) {
    // The library's sentence begins with "[json.exception…] ", which helps nobody.
    std::string_view sentence = error.what();
    if (const auto end = sentence.find("] "); end != std::string_view::npos) sentence.remove_prefix(end + 2);
    fail(ErrorCode::corrupt, "the symbol JSON is damaged: {}", sentence);
  }
}

const Json& member(const Json& object, const char* key, Json::value_t type, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) fail(ErrorCode::corrupt, "{} has no \"{}\"", where, key);
  if (found->type() != type) {
    fail(ErrorCode::corrupt, "\"{}\" of {} is a JSON {}, expected is a {}", key, where, found->type_name(),
         Json(type).type_name());
  }
  return *found;
}

/// A whole number in [0, limit).
int index(const Json& json, std::size_t limit, const std::string& what) {
  const bool whole = json.is_number_unsigned() || (json.is_number_integer() && json.get<std::int64_t>() >= 0);
  if (!whole || json.get<std::uint64_t>() >= limit) {
    fail(ErrorCode::corrupt, "{} is {}, expected is a whole number below {}", what, json.dump(), limit);
  }
  return json.get<int>();
}

/// [node, output] or [node, output, version]; the version matters only for training.
Value entry(const Json& json, std::size_t nodes, const std::string& what) {
  if (!json.is_array() || json.size() < 2 || json.size() > 3) {
    fail(ErrorCode::corrupt, "{} must be [node, output] or [node, output, version]", what);
  }
  constexpr std::size_t max_outputs = 1 << 20;
  return {index(json[0], nodes, "the node id of " + what), index(json[1], max_outputs, "the output index of " + what)};
}

SymbolNode parse_node(const Json& json, std::size_t position, std::size_t nodes) {
  const std::string place = fmt::format("node {} of the symbol JSON", position);
  if (!json.is_object()) fail(ErrorCode::corrupt, "{} is a JSON {}, expected is an object", place, json.type_name());
  SymbolNode node;
  node.name = member(json, "name", Json::value_t::string, place).get<std::string>();
  const std::string where = fmt::format("node '{}' (node {} of the symbol JSON)", node.name, position);
  node.op_name = member(json, "op", Json::value_t::string, where).get<std::string>();
  // Before 0.9 operator parameters were in `param`, before 1.2 in `attr`; the first to name a key wins.
  for (const char* key : {"attrs", "attr", "param"}) {
    if (!json.contains(key)) continue;
    for (const auto& [name, value] : member(json, key, Json::value_t::object, where).items()) {
      if (!value.is_string()) {
        fail(ErrorCode::corrupt, "attribute {}={} of {} is not a string", name, value.dump(), where);
      }
      node.attrs.emplace(name, value.get<std::string>());
    }
  }
  const Json& inputs = member(json, "inputs", Json::value_t::array, where);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    node.inputs.push_back(entry(inputs[i], nodes, fmt::format("input {} of {}", i, where)));
  }
  if (node.op_name == "null" && !node.inputs.empty()) {
    fail(ErrorCode::corrupt, "{} is a variable, but has {} inputs", where, node.inputs.size());
  }
  if (json.contains("subgraphs") && !json["subgraphs"].empty()) {
    fail(ErrorCode::unsupported, "{} ({}) has subgraphs (control flow), which Tenon does not run", where, node.op_name);
  }
  return node;
}

/// A graph attribute: "mxnet_version": ["int", 10901].
int graph_attribute(const Json& attrs, const char* key, int fallback) {
  if (!attrs.is_object() || !attrs.contains(key)) return fallback;
  const Json& pair = attrs[key];
  if (!pair.is_array() || pair.size() != 2) {
    fail(ErrorCode::corrupt, "the graph attribute \"{}\" is {}, expected is [type, value]", key, pair.dump());
  }
  return index(pair[1], 1 << 30, fmt::format("the graph attribute \"{}\"", key));
}

void check_arguments(const Json& root, const SymbolDocument& document) {
  for (const Json& json : member(root, "arg_nodes", Json::value_t::array, "the symbol JSON")) {
    const int id = index(json, document.nodes.size(), "a node id in arg_nodes");
    if (document.node(id).op_name != "null") {
      fail(ErrorCode::corrupt, "arg_nodes lists node {} ('{}', {}), which is not a variable", id,
           document.node(id).name, document.node(id).op_name);
    }
  }
}

void find_operators(SymbolDocument& document, const OpRegistry& registry) {
  std::map<std::string, std::vector<std::string>> unknown;
  for (SymbolNode& node : document.nodes) {
    if (node.op_name == "null") continue;
    node.op = registry.find(node.op_name);
    if (node.op == nullptr) unknown[node.op_name].push_back(node.name);
  }
  if (unknown.empty()) return;
  std::vector<std::string> lines;
  for (const auto& [op_name, users] : unknown) {
    lines.push_back(fmt::format("{} (node '{}'{})", op_name, users[0],
                                users.size() > 1 ? fmt::format(" and {} more", users.size() - 1) : ""));
  }
  fail(ErrorCode::unsupported, "{} operator{} unknown to Tenon: {}", lines.size(), lines.size() > 1 ? "s are" : " is",
       fmt::join(lines, ", "));
}

}  // namespace

SymbolDocument parse_symbol_document(std::string_view json, const OpRegistry& registry) {
  const Json root = parse_json(json);
  if (!root.is_object()) {
    fail(ErrorCode::corrupt, "the symbol JSON is a JSON {}, expected is an object", root.type_name());
  }
  SymbolDocument document;
  const Json& nodes = member(root, "nodes", Json::value_t::array, "the symbol JSON");
  for (std::size_t i = 0; i < nodes.size(); ++i) document.nodes.push_back(parse_node(nodes[i], i, nodes.size()));
  const Json& heads = member(root, "heads", Json::value_t::array, "the symbol JSON");
  for (std::size_t i = 0; i < heads.size(); ++i) {
    document.heads.push_back(entry(heads[i], nodes.size(), fmt::format("head {} of the symbol JSON", i)));
  }
  if (document.heads.empty()) fail(ErrorCode::corrupt, "the symbol JSON has no heads, that is no outputs");
  check_arguments(root, document);
  const Json attrs = root.value("attrs", Json::object());
  document.version = graph_attribute(attrs, "mxnet_version", document.version);
  document.np_shape = graph_attribute(attrs, "is_np_shape", 0) != 0;
  find_operators(document, registry);
  return document;
}

std::vector<NodeId> SymbolDocument::order() const {
  enum : char { unseen, open, done };
  std::vector<char> state(nodes.size(), unseen);
  std::vector<NodeId> order;
  struct Frame {
    NodeId node;
    std::size_t next_input;
  };
  std::vector<Frame> stack;
  const auto enter = [&](NodeId id) {
    char& mark = state[static_cast<std::size_t>(id)];
    if (mark == open) refuse_symbol_node(node(id), ErrorCode::corrupt, "the graph has a cycle through this node");
    if (mark == done) return;
    mark = open;
    stack.push_back({id, 0});
  };
  for (const Value head : heads) {
    enter(head.node);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const auto& inputs = node(frame.node).inputs;
      if (frame.next_input < inputs.size()) {
        enter(inputs[frame.next_input++].node);
        continue;
      }
      state[static_cast<std::size_t>(frame.node)] = done;
      order.push_back(frame.node);
      stack.pop_back();
    }
  }
  return order;
}

void refuse_symbol_node(const SymbolNode& node, ErrorCode code, const std::string& sentence) {
  fail(code, "node '{}' ({}): {}", node.name, node.is_variable() ? "variable" : node.op_name, sentence);
}

std::vector<std::string> input_names(const SymbolNode& node) {
  try {
    return node.op->inputs(parse_attributes(node.op->attributes, node.attrs));
  } catch (const Error& error) {
    refuse_symbol_node(node, error.code(), error.what());
  }
}

}  // namespace tenon
