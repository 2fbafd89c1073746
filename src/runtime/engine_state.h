#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/engine.h>

#include "engine/tuner.h"
#include "runtime/compile.h"

namespace tenon {

/// What an Engine holds. Immutable once made.
struct EngineState {
  EngineState(std::shared_ptr<ParameterStore> parameters, BindOptions bind_options, const CompileOptions& how = {});

  std::vector<std::string> feed_names() const;
  /// Throws Error(not_found) that lists the inputs.
  std::size_t feed_index(const std::string& name) const;
  /// None where nothing is to be measured.
  std::optional<Tuner> make_tuner() const;

  std::shared_ptr<ParameterStore> store;
  BindOptions options;
  const Backend& backend;
  int threads;
  Program program;
  std::vector<std::string> output_names;
  std::vector<RefusedNode> refused;
  std::map<std::string, TensorType> types;  ///< of inputs and outputs
};

}  // namespace tenon
