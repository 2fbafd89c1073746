#include "conformance/run.h"

#include <algorithm>
#include <set>

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

std::vector<std::string> missing_operators(const std::string& symbol) {
  std::set<std::string> missing;
  for (const auto& node : nodes(symbol)) {
    const auto op = node.value("op", "null");
    if (op != "null" && ops().find(op) == nullptr) missing.insert(op);
  }
  return {missing.begin(), missing.end()};
}

std::vector<Tensor> evaluate(Graph& graph, const Parameters& values) {
  std::map<std::string, TensorType> known;
  for (const auto& [name, value] : values) known[name] = {value.shape(), value.dtype()};
  infer(graph, known);
  require_complete(graph);
  std::map<Value, Tensor> computed;
  for (const NodeId id : graph.topological_order()) {
    const Node& node = graph.node(id);
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) {
      const TensorType& type = graph.type({id, i});
      Tensor& tensor = computed[{id, i}] = Tensor(type.shape, *type.dtype);
      std::fill_n(static_cast<std::byte*>(tensor.mutable_data()), tensor.bytes(), std::byte{});
    }
    if (node.is_variable()) {
      if (const auto value = values.find(node.name); value != values.end()) computed[{id, 0}] = value->second;
      continue;
    }
    OpCall call{node, {}, node.outputs, graph.np_shape};
    std::vector<const void*> src;
    std::vector<void*> dst;
    for (const Value input : node.inputs) {
      call.inputs.push_back(graph.type(input));
      src.push_back(std::as_const(computed.at(input)).data());
    }
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) dst.push_back(computed.at({id, i}).mutable_data());
    if (!node.op->reference) call.refuse(ErrorCode::unsupported, "there is no reference implementation");
    const Kernel kernel = node.op->reference(call);
    Tensor workspace(Shape{static_cast<std::int64_t>(kernel.workspace_bytes)}, DType::uint8);
    kernel.run({src, dst, static_cast<std::byte*>(workspace.mutable_data())});
  }
  std::vector<Tensor> outputs;
  for (const Value value : graph.outputs) outputs.push_back(computed.at(value));
  return outputs;
}

Outcome run_accepted(const Case& entry) {
  Problem problem = entry.open();
  const std::vector<Tensor> outputs = evaluate(problem.graph, problem.values);
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

Outcome run_refused(const Case& entry) {
  try {
    Problem problem = entry.open();
    evaluate(problem.graph, problem.values);
  } catch (const Error& error) {
    if (names_the_culprit(error.what(), entry.symbol())) return {};
    return {Verdict::failed, {fmt::format("the refusal names no node: {}", error.what())}};
  }
  return {Verdict::failed, {"is not refused"}};
}

}  // namespace

Outcome run(const Case& entry, const RunOptions& options) {
  static_cast<void>(options);
  try {
    if (auto missing = missing_operators(entry.symbol()); !missing.empty() && !entry.unknown_operator) {
      return {Verdict::skipped, missing};
    }
    return entry.refused ? run_refused(entry) : run_accepted(entry);
  } catch (const std::exception& error) {
    return {Verdict::failed, {error.what()}};
  }
}

}  // namespace tenon::conformance
