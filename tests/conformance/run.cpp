#include "conformance/run.h"

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>

#include <tenon/executor.h>

#include "core/error.h"
#include "ops/registry.h"

namespace tenon::conformance {
namespace {

/// The symbol's nodes, as far as it has any.
nlohmann::json nodes(const std::string& symbol) {
  const auto json = nlohmann::json::parse(symbol, nullptr, false);
  return json.is_object() && json.contains("nodes") ? json["nodes"] : nlohmann::json::array();
}

std::vector<std::string> missing_operators(const std::string& symbol) {
  std::set<std::string> missing;
  for (const auto& node : nodes(symbol)) {
    const auto op = node.value("op", "null");
    if (op != "null" && ops().find(op) == nullptr) missing.insert(op);
  }
  return {missing.begin(), missing.end()};
}

/// What a checkpoint would hold; the rest is fed.
bool is_parameter(const std::string& name) {
  return std::ranges::any_of(std::array{"weight", "bias", "gamma", "beta", "_mean", "_var", "parameters"},
                             [&](const char* suffix) { return name.ends_with(suffix); });
}

std::vector<Tensor> evaluate(const Problem& problem, const RunOptions& options) {
  Parameters parameters;
  BindOptions bind;
  bind.device = options.device;
  bind.backend = options.backend;
  for (const auto& [name, value] : problem.values) {
    if (is_parameter(name)) {
      parameters[name] = value;
    } else {
      bind.shapes[name] = value.shape();
    }
    bind.types[name] = value.dtype();
  }
  Executor executor = Executor::bind(Model(problem.graph, parameters), bind);
  for (const auto& [name, shape] : bind.shapes) executor.set_input(name, problem.values.at(name));
  executor.forward();
  std::vector<Tensor> outputs;
  for (int i = 0; i < static_cast<int>(problem.graph.outputs.size()); ++i) {
    outputs.push_back(executor.output(i).clone());
  }
  return outputs;
}

Outcome run_accepted(const Case& entry, const RunOptions& options) {
  const Problem problem = entry.open();
  const std::vector<Tensor> outputs = evaluate(problem, options);
  if (outputs.size() != problem.expected.size()) {
    return {Verdict::failed, {fmt::format("{} outputs instead of {}", outputs.size(), problem.expected.size())}};
  }
  Outcome outcome;
  const auto names = problem.graph.output_names();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Expectation& expected = problem.expected[i];
    if (const auto reason = difference(outputs[i], expected)) {
      outcome.verdict = Verdict::failed;
      outcome.reasons.push_back(fmt::format("output {} ({}): {}", i, expected.name, *reason));
    }
  }
  return outcome;
}

/// A refusal has to name a node of the graph or, where the file itself is broken, the key at fault.
bool names_the_culprit(const std::string& sentence, const std::string& symbol) {
  for (const char* key : {"nodes", "heads", "arg_nodes"}) {
    if (sentence.find('"' + std::string(key) + '"') != std::string::npos) return true;
  }
  return std::ranges::any_of(nodes(symbol), [&](const auto& node) {
    return sentence.find("'" + node.value("name", "") + "'") != std::string::npos;
  });
}

Outcome run_refused(const Case& entry, const RunOptions& options) {
  try {
    evaluate(entry.open(), options);
  } catch (const Error& error) {
    if (names_the_culprit(error.what(), entry.symbol())) return {};
    return {Verdict::failed, {fmt::format("the refusal names no node: {}", error.what())}};
  }
  return {Verdict::failed, {"is not refused"}};
}

}  // namespace

Outcome run(const Case& entry, const RunOptions& options) {
  try {
    if (auto missing = missing_operators(entry.symbol()); !missing.empty() && !entry.unknown_operator) {
      return {Verdict::skipped, missing};
    }
    return entry.refused ? run_refused(entry, options) : run_accepted(entry, options);
  } catch (const std::exception& error) {
    return {Verdict::failed, {error.what()}};
  }
}

}  // namespace tenon::conformance
