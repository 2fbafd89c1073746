#include "runtime/engine_family.h"

#include <algorithm>

#include "runtime/engine_state.h"

namespace tenon {

EngineFamily::EngineFamily(std::vector<Member> members) : members_(std::move(members)) {
  for (const Member& member : members_) {
    if (member.state) member.state->family = this;
  }
}

std::shared_ptr<const EngineState> EngineFamily::find(const std::map<std::string, Shape>& inputs) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const bool fits = std::ranges::all_of(inputs, [&](const auto& input) {
      const auto known = members_[i].inputs.find(input.first);
      return known != members_[i].inputs.end() && known->second == input.second;
    });
    if (fits) return at(i);
  }
  return nullptr;
}

std::shared_ptr<const EngineState> EngineFamily::at(std::size_t i) {
  const std::scoped_lock lock(mutex_);
  std::shared_ptr<EngineState>& state = members_[i].state;
  if (!state) {
    state = members_[i].make();
    state->family = this;
  }
  return {shared_from_this(), state.get()};
}

}  // namespace tenon
