// What MXNet's own loader does to files of older versions, as a table of (version, function).

#include <algorithm>
#include <array>

#include "core/error.h"
#include "formats/mxnet/document.h"

namespace tenon {
namespace {

using Written = std::pair<std::string, std::string>;

/// User attributes that were written without underscores before they were hidden from the operators' parsers.
constexpr std::array<std::string_view, 5> kHiddenKeys{"ctx_group", "lr_mult", "wd_mult", "force_mirroring",
                                                      "mirror_stage"};

/// The hidden key that the name starts or ends with; empty when there is none.
std::string_view hidden_key(std::string_view name) {
  for (const std::string_view key : kHiddenKeys) {
    const auto position = name.rfind(key);
    if (position != std::string_view::npos && (position == 0 || position + key.size() == name.size())) return key;
  }
  return {};
}

/// The variable that "weight_lr_mult" speaks of: the input called weight; null when there is no such variable.
SymbolNode* addressed_variable(SymbolDocument& document, const SymbolNode& node, std::string_view name,
                               std::string_view key) {
  if (node.is_variable() || name.size() < key.size() + 2) return nullptr;
  const std::string_view argument = name.substr(0, name.size() - key.size() - 1);
  const auto names = input_names(node);
  const auto found = static_cast<std::size_t>(std::find(names.begin(), names.end(), argument) - names.begin());
  if (found >= names.size() || found >= node.inputs.size()) return nullptr;
  SymbolNode& input = document.node(node.inputs[found].node);
  return input.is_variable() ? &input : nullptr;
}

/// `lr_mult` becomes `__lr_mult__` of the node, `weight_lr_mult` of the input called weight.
void hide_user_attributes(SymbolDocument& document) {
  for (const NodeId id : document.order()) {
    SymbolNode& node = document.node(id);
    std::vector<Written> taken;
    for (const auto& written : node.attrs) {
      if (!hidden_key(written.first).empty()) taken.push_back(written);
    }
    for (const auto& [name, value] : taken) node.attrs.erase(name);
    for (const auto& [name, value] : taken) {
      const std::string_view key = hidden_key(name);
      const std::string hidden = fmt::format("__{}__", key);
      if (name == key) {
        node.attrs[hidden] = value;
      } else if (SymbolNode* variable = addressed_variable(document, node, name, key)) {
        variable->attrs[hidden] = value;
      } else {
        node.attrs[name] = value;
      }
    }
  }
}

/// Inputs that are not in the file become variables: before 0.9 that was so for auxiliary states.
void append_missing_inputs(SymbolDocument& document) {
  // Auxiliary states, a label, weights; a file that lacks more is damaged, and its numbers are not to be trusted.
  constexpr std::size_t most = 16;
  for (const NodeId id : document.order()) {
    if (document.node(id).is_variable()) continue;
    const auto names = input_names(document.node(id));
    const std::size_t given = document.node(id).inputs.size();
    if (given + most < names.size()) {
      refuse_symbol_node(document.node(id), ErrorCode::corrupt,
                         fmt::format("{} inputs are expected, but {} are given", names.size(), given));
    }
    for (std::size_t i = given; i < names.size(); ++i) {
      SymbolNode variable;
      const SymbolNode& node = document.node(id);
      variable.name = node.name.empty() ? names[i] : node.name + "_" + names[i];
      variable.op_name = "null";
      variable.attrs = node.attrs;
      document.nodes.push_back(std::move(variable));
      document.node(id).inputs.push_back({static_cast<NodeId>(document.nodes.size()) - 1, 0});
    }
  }
}

/// Variables that need another start than random numbers say so from 0.9.4 on.
void name_initialisers(SymbolDocument& document) {
  struct Row {
    std::string_view op;
    std::size_t input;
    const char* initialiser;
  };
  static constexpr Row rows[] = {
      {"BatchNorm", 3, R"(["zero", {}])"},
      {"BatchNorm", 4, R"(["one", {}])"},
      {"LeakyReLU", 1, R"(["Constant", {"value": 0.25}])"},
  };
  for (const NodeId id : document.order()) {
    for (const Row& row : rows) {
      const SymbolNode& node = document.node(id);
      if (node.is_variable() || node.op->name != row.op || node.inputs.size() <= row.input) continue;
      SymbolNode& input = document.node(node.inputs[row.input].node);
      if (input.is_variable()) input.attrs.emplace("__init__", row.initialiser);
    }
  }
}

/// Before 0.9.5 the axis -1 of argmax and argmin meant none.
void drop_axis_of_argmax(SymbolDocument& document) {
  for (const NodeId id : document.order()) {
    SymbolNode& node = document.node(id);
    if (node.is_variable() || (node.op->name != "argmax" && node.op->name != "argmin")) continue;
    if (const auto axis = node.attrs.find("axis"); axis != node.attrs.end() && axis->second == "-1") {
      node.attrs.erase(axis);
    }
  }
}

struct Upgrade {
  int version;  ///< files older than this need it
  void (*apply)(SymbolDocument&);
};

constexpr Upgrade kUpgrades[] = {
    {10901, hide_user_attributes},
    {900, append_missing_inputs},
    {904, name_initialisers},
    {905, drop_axis_of_argmax},
};

}  // namespace

void upgrade(SymbolDocument& document) {
  for (const Upgrade& upgrade : kUpgrades) {
    if (document.version < upgrade.version) upgrade.apply(document);
  }
}

}  // namespace tenon
