#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <tenon/tenon.h>

namespace tenon::cli {

/// The shapes a model is bound with, and which inputs to feed: those whose shape did not follow from others. Labels and
/// the first states of recurrent networks follow; they stay zero.
struct InputPlan {
  std::map<std::string, Shape> shapes;
  std::vector<std::string> fed;
};

/// How the name of a plan file ends.
inline constexpr std::string_view kPlanEnding = ".plan";

/// What every verb that takes a MODEL has in common: which network, and how it is bound.
struct ModelOptions {
  std::string model, symbol, params;
  std::optional<int> epoch;
  bool pretrained = false;  ///< a network of the zoo with trained weights
  std::uint64_t seed = 0;
  std::vector<std::string> shapes;  ///< "data=1,3,224,224", or only the numbers, for the first input
  std::string device = "cpu", backend = "plain", precision = "fp32", optimize = "speed", tune = "off";
  int threads = 0;
  std::string selector, dump_passes;
  int min_subgraph = 0;
  std::vector<std::string> disabled_passes, keep_fp32;

  void add_model(CLI::App& app);
  void add_shapes(CLI::App& app);
  void add_binding(CLI::App& app);
  /// Of add_binding: how subgraphs are cut out and compiled.
  void add_compilation(CLI::App& app);

  /// On a GPU the default "cpu" of verbs that accelerate means "cuda".
  void prefer_engine() {
    if (backend == "cpu" && device.starts_with("cuda")) backend = "cuda";
  }

  /// Whether MODEL is a plan file (tenon build).
  bool is_plan() const { return model.ends_with(kPlanEnding); }
  /// Throws Error(invalid_argument) where an option was given that says how to read and bind a model.
  void refuse_binding() const;

  /// Throws Error(unsupported) for a plan.
  Model load() const;
  /// What to call the model in a report.
  const std::string& title() const { return model.empty() ? symbol : model; }
  /// The image that a network of the zoo was made for.
  std::optional<Shape> usual_input() const;

  /// Shapes from `given`, else --shape, else what follows from those and the parameters, else the usual image, else a
  /// batch of 1 where nothing but the batch is unknown. What is still unknown stays incomplete.
  InputPlan plan(const Model& loaded, std::map<std::string, Shape> given = {}) const;
  /// The threads a forward uses.
  int effective_threads() const;
  /// Throws Error naming an input whose shape is missing and the option that gives it.
  BindOptions binding(const InputPlan& plan) const;

 private:
  /// Those that were added behind the first `known`.
  void refuse_for_plan(const CLI::App& app, std::size_t known);

  std::vector<const CLI::Option*> not_for_plans_;
};

/// Types of all parameters and of `shapes`: where inference starts.
std::map<std::string, TensorType> known_types(const Model& model, const std::map<std::string, Shape>& shapes);

}  // namespace tenon::cli
