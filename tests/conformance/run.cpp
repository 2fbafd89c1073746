#include "conformance/run.h"

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/ranges.h>
#include <tenon/session.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "ops/registry.h"

namespace tenon::conformance {
namespace {

/// The symbol's nodes, as far as it has any.
nlohmann::json nodes(const std::string& symbol) {
  const auto json = nlohmann::json::parse(symbol, nullptr, false);
  return json.is_object() && json.contains("nodes") ? json["nodes"] : nlohmann::json::array();
}

/// A string of a node; empty where the file has something else.
std::string text(const nlohmann::json& node, const char* key) {
  return node.is_object() && node.contains(key) && node[key].is_string() ? node[key].get<std::string>() : "";
}

std::vector<std::string> missing_operators(const std::string& symbol) {
  std::set<std::string> missing;
  for (const auto& node : nodes(symbol)) {
    const std::string op = text(node, "op");
    if (!op.empty() && op != "null" && ops().find(op) == nullptr) missing.insert(op);
  }
  return {missing.begin(), missing.end()};
}

/// The problem with every input but the first turned into a parameter, as in a checkpoint.
Problem with_constants(Problem problem) {
  Parameters parameters = problem.model.parameters();
  const auto arguments = problem.model.arguments();
  for (auto input = problem.inputs.begin(); input != problem.inputs.end();) {
    if (input->first == arguments.front()) {
      ++input;
    } else {
      parameters.insert(problem.inputs.extract(input++));
    }
  }
  problem.model = problem.model.with_parameters(std::move(parameters));
  return problem;
}

Session evaluate(const Engine& engine, const Problem& problem) {
  Session session(engine);
  for (const auto& [name, value] : problem.inputs) session.set_input(name, value);
  session.forward();
  return session;
}

/// What the engine gives after it was saved and loaded.
Session through_plan(const Engine& engine, const Problem& problem, const std::string& file) {
  const Session saved = evaluate(engine, problem);
  engine.save(file);
  Session loaded = evaluate(Engine::load(file), problem);
  for (int i = 0; const std::string& name : engine.outputs()) {
    const Tensor &expected = saved.output(i), &actual = loaded.output(i++);
    if (std::memcmp(actual.data(), expected.data(), expected.bytes()) != 0) {
      fail(ErrorCode::internal, "{} has other bits when the engine comes from a plan", name);
    }
  }
  return loaded;
}

void require_kernels(const Engine& engine, const std::vector<std::string>& on_host) {
  for (const StepInfo& step : engine.steps()) {
    if (step.implementation != "host:reference" || std::ranges::find(on_host, step.op) != on_host.end()) continue;
    fail(ErrorCode::internal, "node '{}' ({}) has no kernel: {}", step.node, step.op, fmt::join(step.refusals, "; "));
  }
}

Session evaluate(const Problem& problem, const RunOptions& options) {
  BindOptions bind;
  bind.device = options.device;
  bind.backend = options.backend;
  bind.precision = options.precision;
  for (const auto& [name, value] : problem.inputs) {
    bind.shapes[name] = value.shape();
    bind.types[name] = value.dtype();
  }
  const Engine engine = Engine::build(problem.model, bind);
  if (options.on_host) require_kernels(engine, *options.on_host);
  return options.plan.empty() ? evaluate(engine, problem) : through_plan(engine, problem, options.plan);
}

/// Of the types whose own digits a tolerance can be within.
bool is_precise(const Tensor& tensor) {
  return tensor.dtype() == DType::float32 || tensor.dtype() == DType::float64;
}

Outcome run_accepted(const Case& entry, const RunOptions& options) {
  Problem problem = entry.open();
  if (options.constants) problem = with_constants(std::move(problem));
  const Session executor = evaluate(problem, options);
  Outcome outcome;
  const std::vector<std::string> names = executor.outputs();
  if (names.size() != problem.expected.size()) {
    return {Verdict::failed, {fmt::format("{} outputs instead of {}", names.size(), problem.expected.size())}};
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    Expectation expected = problem.expected[i];
    if (options.tolerance && is_precise(expected.golden)) {
      expected.rtol = 0;
      expected.atol = *options.tolerance * max_magnitude(expected.golden);
    }
    const auto fail_with = [&](const std::string& reason) {
      outcome.verdict = Verdict::failed;
      outcome.reasons.push_back(fmt::format("output {} ({}): {}", i, names[i], reason));
    };
    if (!expected.name.empty() && names[i] != expected.name) fail_with(fmt::format("is called {}", names[i]));
    if (const auto reason = difference(executor.output(static_cast<int>(i)), expected)) fail_with(*reason);
  }
  return outcome;
}

/// A refusal has to name a node of the graph, as 'name' or with its shape, or else say what is wrong with the JSON.
bool names_the_culprit(const std::string& sentence, const std::string& symbol) {
  const auto says = [&](const std::string& words) { return sentence.find(words) != std::string::npos; };
  return says("symbol JSON") || std::ranges::any_of(nodes(symbol), [&](const auto& node) {
           const std::string name = text(node, "name");
           return !name.empty() && (says("'" + name + "'") || says(name + " ("));
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
