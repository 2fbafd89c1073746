#include "graph/op.h"

#include <algorithm>

#include "graph/graph.h"

namespace tenon {

const Attributes& OpCall::attributes() const {
  return node.attributes;
}

Names always(std::vector<std::string> names) {
  return [names = std::move(names)](const Attributes&) { return names; };
}

Names unless_last(std::string flag, std::vector<std::string> names) {
  return [flag = std::move(flag), names = std::move(names)](const Attributes& attributes) {
    auto result = names;
    if (attributes.flag(flag)) result.pop_back();
    return result;
  };
}

Names counted(std::string attribute, std::string stem) {
  return [attribute = std::move(attribute), stem = std::move(stem)](const Attributes& attributes) {
    // The bound keeps a hostile file from asking for a billion names; a real Concat has some hundred inputs.
    constexpr std::int64_t limit = 1 << 20;
    const std::int64_t count = attributes.integer(attribute);
    if (count < 0 || count > limit) {
      fail(ErrorCode::invalid_argument, "attribute {}={} must lie between 0 and {}", attribute, count, limit);
    }
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < count; ++i) names.push_back(stem + std::to_string(i));
    return names;
  };
}

bool Op::is_auxiliary(int input) const {
  return std::find(auxiliary.begin(), auxiliary.end(), input) != auxiliary.end();
}

int Op::visible(const Attributes& values) const {
  return visible_outputs ? visible_outputs(values) : static_cast<int>(outputs(values).size());
}

void OpRegistry::add(Op op) {
  const auto shared = std::make_shared<const Op>(std::move(op));
  const auto enter = [&](const std::string& name) {
    if (!by_name_.emplace(name, shared).second) {
      fail(ErrorCode::internal, "operator name '{}' is registered twice", name);
    }
  };
  enter(shared->name);
  for (const std::string& alias : shared->aliases) enter(alias);
}

const Op* OpRegistry::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

std::vector<const Op*> OpRegistry::all() const {
  std::vector<const Op*> ops;
  for (const auto& [name, op] : by_name_) {
    if (name == op->name) ops.push_back(op.get());
  }
  return ops;
}

}  // namespace tenon
