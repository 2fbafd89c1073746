#include "picture.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "draw.h"

namespace tenon::cli {
namespace {

/// The functions of an epilogue, each once: "add, relu, mul" of "add(x, $0); relu(mul(y0, $1))".
std::string functions_of(const std::string& epilogue) {
  std::vector<std::string> names;
  std::string word;
  for (const char letter : epilogue) {
    if (std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_') {
      word += letter;
      continue;
    }
    if (letter == '(' && std::find(names.begin(), names.end(), word) == names.end()) names.push_back(word);
    word.clear();
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// "Convolution 3×3 64", "convolution 3×3 + add, relu": an operator in one short line.
std::string line(const Node& node) {
  std::string text(node.op_name());
  const auto written = [&](const char* name) {
    const auto found = node.written.find(name);
    return found == node.written.end() ? std::string() : found->second;
  };
  if (const std::string kernel = written("kernel"); !kernel.empty() && node.attributes.has("kernel")) {
    text += fmt::format(" {}", fmt::join(node.attributes.ints("kernel"), "×"));
  }
  for (const char* name : {"num_filter", "num_hidden", "act_type", "pool_type"}) {
    if (const std::string value = written(name); !value.empty()) text += " " + value;
  }
  if (const std::string fused = functions_of(written("epilogue")); !fused.empty()) text += " + " + fused;
  return text;
}

/// The backend that an implementation belongs to, for its colour: "onednn" of "onednn:conv".
std::string family(const std::string& implementation) {
  return implementation.substr(0, implementation.find(':'));
}

const char* colour(const std::string& family) {
  static const std::map<std::string, const char*> colours = {
      {"onednn", "#9ecae1"}, {"cpu", "#c7e9c0"},   {"tenon", "#74c476"},  {"engine", "#fdd0a2"},
      {"cuda", "#bcbddc"},   {"cudnn", "#bcbddc"}, {"cublas", "#bcbddc"}, {"reference", "#fcbba1"}};
  const auto found = colours.find(family);
  return found == colours.end() ? "#d9d9d9" : found->second;
}

struct Drawing {
  std::string nodes, arrows;
  Json boxes = Json::object();

  void box(const std::string& id, const std::string& label, const char* fill, const std::string& style, Json about) {
    nodes += fmt::format("  {0} [id={0}, label={1}, fillcolor=\"{2}\", style={3}];\n", id, quoted(label), fill,
                         quoted(style));
    boxes[id] = std::move(about);
  }
  void arrow(const std::string& from, const std::string& to) { arrows += fmt::format("  {} -> {};\n", from, to); }
};

/// The step that runs each node.
std::map<NodeId, const Step*> steps_by_node(const Program& program) {
  std::map<NodeId, const Step*> steps;
  for (const Step& step : program.steps) {
    if (step.node >= 0) steps[step.node] = &step;
  }
  return steps;
}

Json about(const Node& node, const Step* step) {
  Json shapes = Json::array();
  // A primitive counts its outputs by its epilogue.
  const int visible =
      node.written.contains("epilogue") ? static_cast<int>(node.outputs.size()) : node.visible_outputs();
  for (int i = 0; i < visible; ++i) shapes.push_back(describe(node.outputs[static_cast<std::size_t>(i)]));
  Json attributes = Json::object();
  for (const auto& [name, text] : node.written) attributes[name] = text;
  Json facts = {{"name", node.name}, {"op", node.op_name()}, {"output", shapes}, {"attributes", attributes}};
  if (step != nullptr) {
    facts["implementation"] = step->info.implementation;
    facts["declined"] = step->info.refusals;
  }
  return facts;
}

class AfterDrawing {
 public:
  AfterDrawing(const Program& program, bool unfolded) : program_(program), unfolded_(unfolded) {}

  Picture draw() && {
    const auto steps = steps_by_node(program_);
    for (const NodeId id : program_.graph.topological_order()) {
      const Node& node = program_.graph.node(id);
      const std::string name = fmt::format("a{}", id);
      if (node.is_variable()) {
        if (is_feed(program_, id)) drawing_.box(name, node.name, "#ffffff", "rounded,filled", about(node, nullptr));
        continue;
      }
      const auto found = steps.find(id);
      const Step* step = found == steps.end() ? nullptr : found->second;
      if (node.body != nullptr && step != nullptr && step->body != nullptr) {
        engine(id, node, *step);
      } else {
        const char* fill = colour(step == nullptr ? "" : family(step->info.implementation));
        drawing_.box(name, line(node), fill, "filled", about(node, step));
        outlets_[{id, 0}] = name;
      }
      connect(id, node);
    }
    return {drawing_.nodes + drawing_.arrows, drawing_.boxes};
  }

 private:
  static bool is_feed(const Program& program, NodeId id) {
    return std::find(program.feeds.begin(), program.feeds.end(), id) != program.feeds.end();
  }

  std::string outlet(Value value) const {
    const auto found = outlets_.find(value);
    return found != outlets_.end() ? found->second : fmt::format("a{}", value.node);
  }

  bool drawn(NodeId id) const { return !program_.graph.node(id).is_variable() || is_feed(program_, id); }

  void connect(NodeId id, const Node& node) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!drawn(node.inputs[i].node)) continue;
      const auto inlets = inlets_.find({id, static_cast<int>(i)});
      if (inlets == inlets_.end()) {
        drawing_.arrow(outlet(node.inputs[i]), fmt::format("a{}", id));
        continue;
      }
      for (const std::string& inlet : inlets->second) drawing_.arrow(outlet(node.inputs[i]), inlet);
    }
  }

  void engine(NodeId id, const Node& node, const Step& step) {
    int operators = 0;
    for (NodeId inner = 0; inner < node.body->size(); ++inner) operators += !node.body->node(inner).is_variable();
    Json facts = about(node, &step);
    facts["operators"] = operators;
    facts["steps"] = step.body->steps.size();
    const std::string title = fmt::format("{}: {} operators, {} steps", node.name, operators, step.body->steps.size());
    if (!unfolded_) {
      drawing_.box(fmt::format("a{}", id), title, colour("engine"), "filled,bold", facts);
      return;
    }
    drawing_.boxes[fmt::format("c{}", id)] = facts;
    drawing_.nodes += fmt::format(
        "  subgraph cluster_{0} {{\n  id=c{0}; label={1}; style=\"rounded,filled\"; fillcolor=\"#fff5eb\"; "
        "color=\"#d94801\";\n",
        id, quoted(title));
    body(id, *step.body);
    drawing_.nodes += "  }\n";
  }

  /// The steps of an engine node, inside its frame.
  void body(NodeId engine, const Program& inner) {
    const auto steps = steps_by_node(inner);
    const auto name = [&](NodeId id) { return fmt::format("a{}_{}", engine, id); };
    for (const NodeId id : inner.graph.topological_order()) {
      const Node& node = inner.graph.node(id);
      if (node.is_variable()) continue;
      const auto found = steps.find(id);
      const Step* step = found == steps.end() ? nullptr : found->second;
      const char* fill = colour(step == nullptr ? "" : family(step->info.implementation));
      drawing_.box(name(id), line(node), fill, "filled", about(node, step));
      for (const Value input : node.inputs) {
        if (!inner.graph.node(input.node).is_variable()) {
          drawing_.arrow(name(input.node), name(id));
          continue;
        }
        const auto feed = std::find(inner.feeds.begin(), inner.feeds.end(), input.node);
        if (feed != inner.feeds.end()) inlets_[{engine, static_cast<int>(feed - inner.feeds.begin())}].insert(name(id));
      }
    }
    for (std::size_t i = 0; i < inner.graph.outputs.size(); ++i) {
      outlets_[{engine, static_cast<int>(i)}] = name(inner.graph.outputs[i].node);
    }
  }

  const Program& program_;
  bool unfolded_;
  Drawing drawing_;
  std::map<Value, std::string> outlets_;                            // the box that makes a value
  std::map<std::pair<NodeId, int>, std::set<std::string>> inlets_;  // the boxes that read an input of an engine node
};

class BeforeDrawing {
 public:
  BeforeDrawing(const Compiled& compiled, const std::vector<std::string>& inputs, const std::vector<Scope>& scopes,
                std::optional<std::size_t> open)
      : graph_(compiled.graph), fed_(inputs.begin(), inputs.end()), scopes_(scopes), open_(open) {
    for (const Refusal& refusal : compiled.partition.refusals) refused_[refusal.node] = &refusal;
    for (std::size_t i = 0; i < scopes.size(); ++i) {
      for (const NodeId id : scopes[i].nodes) scope_[id] = i;
    }
  }

  Picture draw() && {
    for (std::size_t i = 0; i < scopes_.size(); ++i) {
      if (i == open_) {
        frame(i);
      } else {
        drawing_.box(fmt::format("s{}", i), title(i), "#dddddd", "rounded,filled,bold", facts(i));
      }
    }
    for (const NodeId id : graph_.topological_order()) {
      if (drawn(id) && !scope_.contains(id)) box(id);
    }
    for (const NodeId id : graph_.topological_order()) {
      for (const Value input : graph_.node(id).inputs) {
        if (drawn(input.node)) arrows_.emplace(place(input.node), place(id));
      }
    }
    for (const auto& [from, to] : arrows_) {
      if (from != to) drawing_.arrow(from, to);
    }
    return {drawing_.nodes + drawing_.arrows, drawing_.boxes};
  }

 private:
  bool drawn(NodeId id) const { return !graph_.node(id).is_variable() || fed_.contains(graph_.node(id).name); }

  /// The box that shows the node.
  std::string place(NodeId id) const {
    const auto scope = scope_.find(id);
    return scope == scope_.end() || scope->second == open_ ? fmt::format("b{}", id) : fmt::format("s{}", scope->second);
  }

  void box(NodeId id) {
    const Node& node = graph_.node(id);
    const std::string name = fmt::format("b{}", id);
    if (node.is_variable()) return drawing_.box(name, node.name, "#ffffff", "rounded,filled", about(node, nullptr));
    Json facts = about(node, nullptr);
    const auto found = refused_.find(id);
    if (found != refused_.end()) facts["refused"] = found->second->reason;
    drawing_.box(name, line(node), "#eeeeee", found != refused_.end() ? "filled,dashed" : "filled", std::move(facts));
  }

  std::string title(std::size_t scope) const {
    return fmt::format("{}: {} operators", scopes_[scope].name, scopes_[scope].nodes.size());
  }

  Json facts(std::size_t scope) const {
    Json members = Json::array();
    for (const NodeId id : scopes_[scope].nodes) {
      members.push_back(fmt::format("{} {}", graph_.node(id).name, graph_.node(id).op_name()));
    }
    return {{"name", scopes_[scope].name}, {"op", "scope"}, {"scope", scope}, {"members", members}};
  }

  void frame(std::size_t scope) {
    drawing_.boxes[fmt::format("f{}", scope)] = facts(scope);
    drawing_.nodes += fmt::format(
        "  subgraph cluster_{0} {{\n  id=f{0}; label={1}; style=\"rounded,filled\"; fillcolor=\"#f7f7f7\"; "
        "color=\"#888888\";\n",
        scope, quoted(title(scope)));
    for (const NodeId id : scopes_[scope].nodes) box(id);
    drawing_.nodes += "  }\n";
  }

  const Graph& graph_;
  std::set<std::string> fed_;
  const std::vector<Scope>& scopes_;
  std::optional<std::size_t> open_;
  std::map<NodeId, const Refusal*> refused_;
  std::map<NodeId, std::size_t> scope_;
  Drawing drawing_;
  std::set<std::pair<std::string, std::string>> arrows_;  // between two scopes one is enough
};

/// Where an arrow's ends are, both pictures of one file have their own ids: "b" before, "a" after.
constexpr const char* kLooks =
    "  node [shape=box, height=0.22, margin=\"0.14,0.03\", fontname=\"Helvetica\", fontsize=10, color=\"#666666\"];\n"
    "  edge [arrowsize=0.5, color=\"#888888\"];\n  ranksep=0.16; nodesep=0.15; bgcolor=\"transparent\";\n"
    "  fontname=\"Helvetica\"; fontsize=11;\n";

}  // namespace

Picture picture_before(const Compiled& compiled, const std::vector<std::string>& inputs,
                       const std::vector<Scope>& scopes, std::optional<std::size_t> open) {
  return BeforeDrawing(compiled, inputs, scopes, open).draw();
}

Picture picture_after(const Program& program, bool unfolded) {
  return AfterDrawing(program, unfolded).draw();
}

std::string both_dot(const Picture& before, const Picture& after, const std::string& title) {
  const auto frame = [](const char* name, const char* label, const std::string& content) {
    return fmt::format("  subgraph cluster_{} {{\n  label=\"{}\"; color=\"#bbbbbb\";\n{}  }}\n", name, label, content);
  };
  return fmt::format("digraph {} {{\n{}{}{}}}\n", quoted(title), kLooks, frame("before", "before", before.dot),
                     frame("after", "after", after.dot));
}

std::string alone_dot(const Picture& picture, const std::string& title) {
  return fmt::format("digraph {} {{\n{}{}}}\n", quoted(title), kLooks, picture.dot);
}

}  // namespace tenon::cli
