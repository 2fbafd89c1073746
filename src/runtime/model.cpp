#include <tenon/model.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <ostream>

#include <fmt/ranges.h>

#include "core/error.h"
#include "formats/file.h"
#include "formats/mxnet/params.h"
#include "formats/mxnet/symbol.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace tenon {

struct Model::State {
  Graph graph;
  Parameters parameters;
};

namespace {

namespace fs = std::filesystem;

std::string params_path(const std::string& prefix, int epoch) {
  return fmt::format("{}-{:04}.params", prefix, epoch);
}

/// The epochs for which PREFIX-EPOCH.params exists, ascending.
std::vector<int> epochs(const std::string& prefix) {
  const fs::path path(prefix);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const std::string stem = path.filename().string() + "-";
  constexpr std::string_view suffix = ".params";
  std::vector<int> found;
  std::error_code ignored;  // a folder that cannot be listed has no epochs
  for (const auto& item : fs::directory_iterator(folder, ignored)) {
    const std::string name = item.path().filename().string();
    if (!name.starts_with(stem) || !name.ends_with(suffix) || name.size() < stem.size() + suffix.size() + 4) continue;
    const char* first = name.data() + stem.size();
    const char* last = name.data() + name.size() - suffix.size();
    int epoch = 0;
    if (const auto [end, error] = std::from_chars(first, last, epoch); error != std::errc{} || end != last) continue;
    if (epoch >= 0) found.push_back(epoch);
  }
  std::sort(found.begin(), found.end());
  return found;
}

int newest_epoch(const std::string& prefix) {
  const auto found = epochs(prefix);
  if (found.empty()) {
    fail(ErrorCode::not_found, "there are no parameters '{}-NNNN.params' beside '{}-symbol.json'", prefix, prefix);
  }
  return found.back();
}

/// Names without `arg:` and `aux:`; others are taken as they are. Arrays without content are left out.
Parameters bare_names(const Parameters& arrays, const std::string& path) {
  Parameters result;
  for (const auto& [name, tensor] : arrays) {
    if (tensor.empty()) continue;
    const bool prefixed = name.starts_with("arg:") || name.starts_with("aux:");
    const std::string bare = prefixed ? name.substr(4) : name;
    if (!result.emplace(bare, tensor).second) {
      fail(ErrorCode::corrupt, "'{}' holds the parameter '{}' twice", path, bare);
    }
  }
  return result;
}

/// Parameters beyond the graph's do no harm; parameters of which the graph knows none are those of another network.
void require_common_names(const Graph& graph, const Parameters& parameters, const std::string& path) {
  auto names = graph.arguments();
  const auto auxiliary = graph.auxiliary_states();
  names.insert(names.end(), auxiliary.begin(), auxiliary.end());
  const auto known = [&](const std::string& name) { return parameters.contains(name); };
  if (parameters.empty() || names.empty() || std::any_of(names.begin(), names.end(), known)) return;
  names.resize(std::min<std::size_t>(names.size(), 3));
  fail(ErrorCode::invalid_argument,
       "none of the {} parameters in '{}' belongs to the network: the file has '{}', the network {}", parameters.size(),
       path, parameters.begin()->first, fmt::join(names, ", "));
}

}  // namespace

Model Model::load(const std::string& prefix, std::optional<int> epoch) {
  const std::string symbol = prefix + "-symbol.json";
  if (!fs::exists(symbol)) fail(ErrorCode::not_found, "there is no checkpoint '{}': no file '{}'", prefix, symbol);
  return load_files(symbol, params_path(prefix, epoch ? *epoch : newest_epoch(prefix)));
}

Model Model::load_files(const std::string& symbol, const std::string& params) {
  Graph graph;
  try {
    graph = load_symbol(map_file(symbol).text(), ops());
  } catch (const Error& error) {
    fail(error.code(), "'{}': {}", symbol, error.what());
  }
  if (params.empty()) return Model(std::move(graph), {});
  Parameters parameters = bare_names(read_params(params), params);
  require_common_names(graph, parameters, params);
  return Model(std::move(graph), std::move(parameters));
}

Model Model::from_json(std::string_view json) {
  return Model(load_symbol(json, ops()), {});
}

Model::Model(Graph graph, Parameters parameters)
    : state_(std::make_shared<const State>(State{std::move(graph), std::move(parameters)})) {}

std::vector<std::string> Model::arguments() const {
  return graph().arguments();
}
std::vector<std::string> Model::auxiliary_states() const {
  return graph().auxiliary_states();
}
std::vector<std::string> Model::outputs() const {
  return graph().output_names();
}

std::vector<std::string> Model::inputs() const {
  auto names = arguments();
  std::erase_if(names, [&](const std::string& name) { return parameters().contains(name); });
  return names;
}

const Parameters& Model::parameters() const noexcept {
  return state_->parameters;
}
const Graph& Model::graph() const noexcept {
  return state_->graph;
}

Model Model::with_parameters(Parameters parameters) const {
  return Model(graph(), std::move(parameters));
}

std::map<std::string, TensorType> Model::infer(const std::map<std::string, TensorType>& known) const {
  auto seeds = known;
  Graph graph = this->graph();
  for (const auto& [name, tensor] : parameters()) {
    if (graph.find_variable(name) >= 0) seeds.try_emplace(name, TensorType{tensor.shape(), tensor.dtype()});
  }
  tenon::infer(graph, seeds);
  std::map<std::string, TensorType> types;
  for (const NodeId id : graph.topological_order()) {
    if (graph.node(id).is_variable()) types[graph.node(id).name] = graph.type({id, 0});
  }
  for (const Value output : graph.outputs) types[graph.value_name(output)] = graph.type(output);
  return types;
}

std::string Model::json() const {
  return save_symbol(graph());
}

void Model::save(const std::string& prefix, int epoch) const {
  if (epoch < 0) fail(ErrorCode::invalid_argument, "the epoch is {}, but cannot be negative", epoch);
  Parameters named;
  const auto auxiliary = auxiliary_states();
  for (const auto& [name, tensor] : parameters()) {
    const bool is_auxiliary = std::find(auxiliary.begin(), auxiliary.end(), name) != auxiliary.end();
    named[(is_auxiliary ? "aux:" : "arg:") + name] = tensor;
  }
  write_atomically(prefix + "-symbol.json", [&](std::ostream& stream) { stream << json(); });
  write_params(params_path(prefix, epoch), named);
}

}  // namespace tenon
