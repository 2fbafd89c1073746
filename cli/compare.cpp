// tenon compare: a forward beside stored results, node by node where internal results are stored.

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include <tenon/npz.h>
#include "core/error.h"
#include "inputs.h"
#include "model_options.h"
#include "report.h"
#include "subject.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon compare mymodel --golden mymodel.npz
  tenon compare mymodel --golden mymodel_internals.npz --backend reference

The archive holds in/NAME for each input and out/NAME for each result to compare: outputs of the model (by name, or
out/0 for the first) and, where you have them, of inner nodes (out/conv0_output). With MXNet:
  np.savez("mymodel.npz", **{"in/data": x, "out/prob_output": y})
A result deviates when its largest absolute error exceeds --tolerance times its largest magnitude; the exit code is
then 8. With inner nodes, the first node that deviates is named, in order of execution.
)";

struct CompareOptions {
  ModelOptions model;
  std::string golden;
  double tolerance = 1e-4;
  bool json = false;
};

/// The stored arrays by what they are for.
struct Golden {
  Parameters inputs, results;
};

struct Difference {
  std::string name;
  double absolute = 0;  ///< largest
  double relative = 0;  ///< that, over the largest magnitude of the golden result
  double largest = 0;   ///< the largest magnitude
  std::string problem;  ///< shapes that differ
  bool deviates = false;
};

Golden read_golden(const std::string& file, const std::vector<std::string>& outputs) {
  Golden golden;
  for (const auto& [key, tensor] : read_npz(file)) {
    if (key.starts_with("in/")) {
      golden.inputs[key.substr(3)] = tensor;
    } else if (key.starts_with("out/")) {
      std::string name = key.substr(4);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (name == std::to_string(i)) name = outputs[i];
      }
      golden.results[name] = tensor;
    } else {
      fail(ErrorCode::invalid_argument, "{}: the member '{}' is neither in/NAME nor out/NAME", file, key);
    }
  }
  if (golden.results.empty()) fail(ErrorCode::invalid_argument, "{} has no result to compare, no out/NAME", file);
  return golden;
}

Difference compare(const std::string& name, const Tensor& actual, const Tensor& golden, double tolerance) {
  Difference difference{.name = name};
  if (actual.shape() != golden.shape()) {
    difference.problem = fmt::format("shape {}, golden {}", actual.shape().str(), golden.shape().str());
    difference.deviates = true;
    return difference;
  }
  const Tensor a = actual.astype(DType::float64), b = golden.astype(DType::float64);
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    const double value = a.data<double>()[i], expected = b.data<double>()[i];
    if (value == expected || (std::isnan(value) && std::isnan(expected))) continue;
    const double error = std::abs(value - expected);
    difference.absolute = std::isnan(error) ? INFINITY : std::max(difference.absolute, error);
  }
  for (std::int64_t i = 0; i < b.elements(); ++i) {
    const double magnitude = std::abs(b.data<double>()[i]);
    if (std::isfinite(magnitude)) difference.largest = std::max(difference.largest, magnitude);
  }
  difference.relative = difference.absolute == 0 ? 0 : difference.absolute / difference.largest;
  difference.deviates = difference.relative > tolerance;
  return difference;
}

/// Runs and compares: every stored result, in order of execution where it is an inner one, outputs last.
std::vector<Difference> compare_all(const CompareOptions& options, const Subject& subject, const Golden& golden) {
  const InputPlan plan = subject.plan(shapes_of(golden.inputs));
  for (const std::string& input : plan.fed) {
    if (!golden.inputs.contains(input)) {
      fail(ErrorCode::not_found, "{} has no member 'in/{}' for the input '{}'", options.golden, input, input);
    }
  }
  Session executor = subject.bind(plan);
  for (const auto& [input, value] : golden.inputs) executor.set_input(input, value);

  const std::vector<std::string> outputs = executor.outputs();
  Parameters inner = golden.results;
  for (const std::string& output : outputs) inner.erase(output);
  std::vector<Difference> differences;
  if (!inner.empty()) {
    executor.set_monitor([&](const std::string& name, const Tensor& value) {
      const auto found = inner.find(name);
      if (found == inner.end()) return;
      differences.push_back(compare(name, value, found->second, options.tolerance));
      inner.erase(found);
    });
  }
  executor.forward();
  if (!inner.empty()) {
    fail(ErrorCode::not_found, "{}: the model computes nothing called '{}'", options.golden, inner.begin()->first);
  }
  for (int i = 0; const std::string& output : outputs) {
    const Tensor& value = executor.output(i++);
    const auto found = golden.results.find(output);
    if (found != golden.results.end()) differences.push_back(compare(output, value, found->second, options.tolerance));
  }
  return differences;
}

std::string report(const std::vector<Difference>& differences, const Difference* first, double tolerance) {
  Table table({"result", "max abs error", "max rel error", "max magnitude", ""});
  for (const Difference& difference : differences) {
    if (!difference.problem.empty()) {
      table.add({difference.name, "", "", "", difference.problem});
    } else {
      table.add({difference.name, fmt::format("{:.3g}", difference.absolute),
                 fmt::format("{:.3g}", difference.relative), fmt::format("{:.6g}", difference.largest),
                 difference.deviates ? "DEVIATES" : ""});
    }
  }
  const auto verdict = first == nullptr
                           ? fmt::format("all {} results agree within {:g}", differences.size(), tolerance)
                           : fmt::format("the first to deviate by more than {:g} is {}", tolerance, first->name);
  return table.str() + verdict + "\n";
}

Json difference_json(const Difference& difference) {
  return {{"name", difference.name},
          {"max_abs_error", difference.absolute},
          {"max_rel_error", difference.relative},
          {"max_magnitude", difference.largest},
          {"problem", difference.problem},
          {"deviates", difference.deviates}};
}

int run(CompareOptions& options) {
  const Subject subject(options.model);
  const Golden golden = read_golden(options.golden, subject.outputs());
  const std::vector<Difference> differences = compare_all(options, subject, golden);
  const auto found = std::find_if(differences.begin(), differences.end(), [](const auto& d) { return d.deviates; });
  const Difference* first = found == differences.end() ? nullptr : &*found;
  if (options.json) {
    Json results = Json::array();
    for (const Difference& difference : differences) results.push_back(difference_json(difference));
    print_json({{"model", options.model.title()},
                {"golden", options.golden},
                {"backend", options.model.backend},
                {"tolerance", options.tolerance},
                {"results", results},
                {"first_deviation", first == nullptr ? Json() : Json(first->name)}});
  } else {
    print(report(differences, first, options.tolerance));
  }
  return first == nullptr ? 0 : kDeviates;
}

}  // namespace

Verb compare_verb(CLI::App& parent) {
  const auto options = std::make_shared<CompareOptions>();
  CLI::App& app = *parent.add_subcommand("compare", "Compare what a model gives with stored results");
  app.footer(kExamples);
  options->model.add_model(app);
  options->model.add_binding(app);
  app.add_option("--golden", options->golden, "The archive of inputs and results")->type_name("FILE.npz")->required();
  app.add_option("--tolerance", options->tolerance, "Largest error, relative to the largest magnitude of the result")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--json", options->json, "One JSON object");
  return {&app, [options] { return run(*options); }};
}

}  // namespace tenon::cli
