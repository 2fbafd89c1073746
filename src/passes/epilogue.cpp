#include "passes/epilogue.h"

#include <algorithm>

#include "passes/primitives.h"

namespace tenon {
namespace {

using Kind = Expression::Kind;

/// The number of output `index` once output `gone` is: those behind it move up.
Expression without_output(const Expression& expression, int gone, const Expression& inner) {
  return map_leaves(expression, [&](const Expression& leaf) {
    if (leaf.kind != Kind::output || leaf.index < gone) return leaf;
    return leaf.index == gone ? inner : output(leaf.index - 1);
  });
}

}  // namespace

int Epilogue::number_of(Value operand) {
  const auto found = std::find(operands.begin(), operands.end(), operand);
  if (found != operands.end()) return static_cast<int>(found - operands.begin());
  operands.push_back(operand);
  return static_cast<int>(operands.size()) - 1;
}

std::vector<int> Epilogue::prune(const std::vector<bool>& wanted) {
  std::vector<int> number(expressions.size());
  for (std::size_t i = 0; i < number.size(); ++i) number[i] = static_cast<int>(i);
  for (int i = static_cast<int>(expressions.size()) - 1; i >= 0; --i) {
    if (wanted[static_cast<std::size_t>(i)]) continue;
    const auto here = expressions.begin() + i;
    const Expression inner = *here;
    int uses = 0;
    for (auto later = here + 1; later != expressions.end(); ++later) uses += occurrences(*later, output(i));
    if (uses > 1 && inner.kind == Kind::call) continue;
    for (auto later = here + 1; later != expressions.end(); ++later) *later = without_output(*later, i, inner);
    expressions.erase(here);
    number[static_cast<std::size_t>(i)] = -1;
    for (std::size_t later = static_cast<std::size_t>(i) + 1; later < number.size(); ++later) {
      if (number[later] >= 0) --number[later];
    }
  }
  drop_unused_operands();
  return number;
}

void Epilogue::drop_unused_operands() {
  std::vector<Value> kept;
  std::vector<int> number(operands.size(), -1);
  for (Expression& expression : expressions) {
    expression = map_leaves(expression, [&](const Expression& leaf) {
      if (leaf.kind != Kind::operand) return leaf;
      int& renumbered = number[static_cast<std::size_t>(leaf.index)];
      if (renumbered < 0) {
        renumbered = static_cast<int>(kept.size());
        kept.push_back(operands[static_cast<std::size_t>(leaf.index)]);
      }
      return operand(renumbered);
    });
  }
  operands = std::move(kept);
}

Epilogue epilogue_of(const Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  Epilogue epilogue{epilogue_of(node), {}};
  epilogue.operands.assign(node.inputs.begin() + first_operand(node), node.inputs.end());
  return epilogue;
}

void set_epilogue(Body& body, NodeId id, Epilogue epilogue) {
  epilogue.drop_unused_operands();
  body.set_epilogue(id, epilogue.expressions, epilogue.operands);
}

ReadCounts::ReadCounts(const Graph& graph) {
  for (const NodeId id : graph.topological_order()) {
    for (const Value input : graph.node(id).inputs) ++counts_[input];
  }
  for (const Value output : graph.outputs) ++counts_[output];
}

int ReadCounts::of(Value value) const {
  const auto found = counts_.find(value);
  return found == counts_.end() ? 0 : found->second;
}

void ReadCounts::move(Value from, Value to) {
  counts_[to] += of(from);
  counts_.erase(from);
}

void ReadCounts::add(Value value, int count) {
  counts_[value] += count;
}

}  // namespace tenon
