#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/tensor.h>

namespace tenon {

class Graph;  // internal: src/graph/graph.h

/// Tensors by name, in name order.
using Parameters = std::map<std::string, Tensor>;

/// The shape and element type of one tensor.
struct TensorType {
  Shape shape;
  std::optional<DType> dtype;
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

/// A network and its parameters, as MXNet keeps them: a symbol, arguments and auxiliary states. Immutable once made and
/// cheap to copy; any number of threads may bind one Model.
class Model {
 public:
  /// Reads PREFIX-symbol.json and PREFIX-EPOCH.params; without an epoch, the newest. Parameters are memory-mapped.
  static Model load(const std::string& prefix, std::optional<int> epoch = {});
  /// Reads the two files by their paths; `params` may be empty.
  static Model load_files(const std::string& symbol, const std::string& params);
  /// Parses symbol JSON of any MXNet age; no parameters.
  static Model from_json(std::string_view json);
  /// Builds a network of the Gluon model zoo ("resnet18_v2"), parameters initialised from the seed.
  static Model zoo(std::string_view name, std::uint64_t seed = 0);
  /// The same with trained weights that MXNet has downloaded to `folder` before; by default $MXNET_HOME/models, else
  /// ~/.mxnet/models. Throws Error: not_found when there are none, corrupt when the file's SHA-1 does not begin as its
  /// name says or its arrays are not the network's.
  static Model zoo_pretrained(std::string_view name, const std::string& folder = {});
  /// The shape of the one input, "data", that the network was made for: (1,3,224,224), for inceptionv3 (1,3,299,299).
  static Shape zoo_input(std::string_view name);
  /// The names zoo() knows, upper or lower case.
  static std::vector<std::string> zoo_names();

  Model(Graph graph, Parameters parameters);

  /// Names in MXNet's order.
  std::vector<std::string> arguments() const;
  std::vector<std::string> auxiliary_states() const;
  std::vector<std::string> outputs() const;
  /// Arguments that have no parameter: what a caller feeds, labels included.
  std::vector<std::string> inputs() const;

  /// Arguments and auxiliary states together.
  const Parameters& parameters() const noexcept;
  /// The same network with other parameters.
  Model with_parameters(Parameters parameters) const;

  /// Shapes and types of all arguments, auxiliary states and outputs that follow from those of some arguments.
  /// Throws Error on a contradiction; what does not follow stays unknown.
  std::map<std::string, TensorType> infer(const std::map<std::string, TensorType>& known) const;

  /// Writes PREFIX-symbol.json and PREFIX-EPOCH.params as MXNet 1.9 does, each atomically.
  void save(const std::string& prefix, int epoch = 0) const;
  /// The symbol as MXNet 1.9 writes it.
  std::string json() const;

  const Graph& graph() const noexcept;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace tenon
