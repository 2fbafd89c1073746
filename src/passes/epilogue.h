#pragma once

#include <vector>

#include "passes/body.h"

namespace tenon {

/// The expressions of a primitive together with the values that their operands stand for.
struct Epilogue {
  Expressions expressions;
  std::vector<Value> operands;

  /// The number of an operand; a value that is none yet becomes the last.
  int number_of(Value operand);

  /// Drops outputs for which nobody asks: one that no other output uses, and one that is used once or costs nothing
  /// goes into its user. Gives for each output its number afterwards, -1 where it is gone.
  ///
  ///     add(x, $0); relu(y0)        the first not wanted        relu(add(x, $0))
  std::vector<int> prune(const std::vector<bool>& wanted);
  /// Drops operands that no expression reads.
  void drop_unused_operands();
};

Epilogue epilogue_of(const Body& body, NodeId id);
/// Writes it into the node.
void set_epilogue(Body& body, NodeId id, Epilogue epilogue);

/// How often each output of each node is read, as a graph output too.
class ReadCounts {
 public:
  explicit ReadCounts(const Graph& graph);
  int of(Value value) const;
  /// One reader for each of the old value's more.
  void move(Value from, Value to);
  void add(Value value, int count);

 private:
  std::map<Value, int> counts_;
};

}  // namespace tenon
