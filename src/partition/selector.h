#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/model.h>

#include "graph/graph.h"

namespace tenon {

/// What a selector says of one node. A refusal names the rule (a short key, the same for every node it refuses) and
/// gives a sentence with the values that decided: `LeakyReLU act_type=prelu with a slope of 64 values over 128
/// channels`.
struct Verdict {
  bool taken = true;
  std::string rule;
  std::string reason;

  static Verdict take() { return {}; }
  static Verdict refuse(std::string rule, std::string reason) { return {false, std::move(rule), std::move(reason)}; }
};

/// Decides which nodes a backend takes, and which variables a subgraph keeps inside itself.
class Selector {
 public:
  virtual ~Selector() = default;
  /// The name of the selector set, as `--selector` and refusals give it.
  virtual std::string_view name() const = 0;
  /// Subgraphs of fewer operator nodes are not worth an engine.
  virtual int minimum_nodes() const { return 1; }
  /// Asked once a node that is no variable; the graph is typed, and `parameters` holds what is known of its variables.
  virtual Verdict select(const Graph& graph, const Node& node, const Parameters& parameters) const = 0;
  /// Whether the variable at `input` of `consumer`, which has a parameter, moves into the subgraph instead of staying
  /// an input. By default it does.
  virtual bool absorbs(const Graph& graph, const Node& consumer, int input) const;
};

/// The selector set of MXNet 1.8/1.9's TensorRT integration: exactly what it took and absorbed.
std::unique_ptr<Selector> mxnet_tensorrt_selector();

}  // namespace tenon
