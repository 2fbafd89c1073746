// The model zoo's part of Model.

#include <tenon/model.h>

#include <algorithm>

#include "core/error.h"
#include "formats/mxnet/params.h"
#include "graph/inference.h"
#include "zoo/initialize.h"
#include "zoo/store.h"
#include "zoo/zoo.h"

namespace tenon {
namespace {

/// The graph with the type of every value, for the input the network was trained for.
Graph inferred(Graph graph, const Shape& input) {
  infer(graph, {{"data", {input, DType::float32}}});
  require_complete(graph);
  return graph;
}

/// Trained arrays under the names of the graph. Gluon's files hold places in the tree of blocks ("features.0.weight"),
/// those of old releases names without the network's prefix ("conv0_weight"): no dot in any of them.
Parameters named(const Parameters& arrays, const zoo::Network& network, const Graph& types, const std::string& file) {
  const bool by_place =
      std::ranges::any_of(arrays, [](const auto& item) { return item.first.find('.') != std::string::npos; });
  Parameters parameters;
  for (const auto& [name, place] : network.places) {
    const std::string key = by_place ? place : name.substr(network.prefix.size());
    const auto found = arrays.find(key);
    if (found == arrays.end()) {
      fail(ErrorCode::corrupt, "{}: parameter '{}' is missing; it is called '{}' in the graph", file, key, name);
    }
    const Shape& expected = types.node(types.find_variable(name)).outputs[0].shape;
    if (found->second.shape() != expected) {
      fail(ErrorCode::corrupt, "{}: parameter '{}' is {}, the network expects {}", file, key,
           found->second.shape().str(), expected.str());
    }
    parameters[name] = found->second;
  }
  if (arrays.size() != network.places.size()) {
    fail(ErrorCode::corrupt, "{}: holds {} arrays, the network has {} parameters", file, arrays.size(),
         network.places.size());
  }
  return parameters;
}

}  // namespace

std::vector<std::string> Model::zoo_names() {
  return zoo::names();
}

Shape Model::zoo_input(std::string_view name) {
  return zoo::input_shape(name);
}

Model Model::zoo(std::string_view name, std::uint64_t seed) {
  zoo::Network network = zoo::build(name);
  Parameters parameters = zoo::initialize(inferred(network.graph, zoo::input_shape(name)), seed);
  return Model(std::move(network.graph), std::move(parameters));
}

Model Model::zoo_pretrained(std::string_view name, const std::string& folder) {
  zoo::Network network = zoo::build(name);
  const auto store = folder.empty() ? zoo::store_folder() : std::filesystem::path(folder);
  const std::string file = zoo::find_trained(zoo::canonical(name), store).string();
  const Graph types = inferred(network.graph, zoo::input_shape(name));
  Parameters parameters = named(read_params(file), network, types, file);
  return Model(std::move(network.graph), std::move(parameters));
}

}  // namespace tenon
