#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/engine.h>

#include "engine/tuner.h"
#include "runtime/compile.h"
#include "runtime/engine_family.h"
#include "runtime/plan.h"

namespace tenon {

/// What an Engine holds. Immutable once made.
struct EngineState {
  EngineState(std::shared_ptr<ParameterStore> parameters, BindOptions bind_options, const CompileOptions& how = {});
  EngineState(const Plan& plan, const ProgramRecord& record);

  std::vector<std::string> feed_names() const;
  /// Throws Error(not_found) that lists the inputs.
  std::size_t feed_index(const std::string& name) const;
  /// None where nothing is to be measured.
  std::optional<Tuner> make_tuner() const;
  /// What follows from the program.
  void name_types();
  /// Throws Error(unsupported) where the engine comes from a plan, which has no model to compile again.
  void require_model(std::string_view for_what) const;

  std::map<std::string, Shape> input_shapes() const;
  /// "data=(32,3,224,224), where the plan has batches from data=(1,3,224,224) to …": for sentences.
  std::string outside(const std::map<std::string, Shape>& shapes) const;

  bool from_plan = false;
  EngineFamily* family = nullptr;  ///< that holds this; null where it stands alone
  std::shared_ptr<ParameterStore> store;
  std::shared_ptr<KernelBinaries> kernels;  ///< of a plan of a device; else null
  BindOptions options;
  const Backend& backend;
  int threads;
  Program program;
  std::vector<std::string> output_names;
  std::vector<RefusedNode> refused;
  std::map<std::string, TensorType> types;  ///< of inputs and outputs
};

}  // namespace tenon
