#include "engine/parameters.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/pages.h"
#include "engine/device_memory.h"
#include "graph/graph.h"

namespace tenon {
namespace {

void require_type(const Tensor& copy, const std::string& kind, const TensorType& type) {
  if (copy.shape() == type.shape && copy.dtype() == *type.dtype) return;
  fail(ErrorCode::corrupt, "the copy '{}' of a parameter is {} {}, not {} {}", kind, name(copy.dtype()),
       copy.shape().str(), name(*type.dtype), type.shape.str());
}

}  // namespace

ParameterStore::ParameterStore(Model model) : model_(std::move(model)) {
  for (const auto& [name, tensor] : model_.parameters()) {
    still_[tensor.data()] = {{reinterpret_cast<std::uintptr_t>(tensor.data()), 0}, 1};
  }
}

ParameterStore::ParameterStore(std::vector<Source> sources)
    : model_(Graph(), Parameters()), sources_(std::move(sources)) {
  for (const Source& source : sources_) {
    const Hash identity{reinterpret_cast<std::uintptr_t>(source.tensor.data()), 0};
    still_[source.tensor.data()] = {identity, 1, source.absent};
    for (const Copy& copy : source.copies) derived_[{identity, copy.kind}] = copy.tensor;
  }
}

Hash ParameterStore::identity(const Tensor& source) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = still_.find(source.data()); known != still_.end()) return known->second.identity;
  }
  return hash_of(source.data(), source.bytes());
}

std::shared_ptr<const void> ParameterStore::hold_still(const Tensor& source) {
  const void* memory = source.data();
  const Hash what = identity(source);
  const std::scoped_lock lock(mutex_);
  Still& still = still_.try_emplace(memory, Still{what, 0}).first->second;
  ++still.promises;
  return {memory, [this](const void* released) {
            const std::scoped_lock relock(mutex_);
            const auto found = still_.find(released);
            if (--found->second.promises == 0) still_.erase(found);
          }};
}

std::shared_ptr<const Tensor> ParameterStore::derive(const Tensor& source, const std::string& kind,
                                                     const std::function<Tensor()>& make) {
  const Key key(identity(source), fmt::format("{} of {} {}", kind, name(source.dtype()), source.shape().str()));
  const std::scoped_lock lock(mutex_);
  std::weak_ptr<const Tensor>& known = derived_[key];
  if (auto kept = known.lock()) return kept;
  if (const auto still = still_.find(source.data()); still != still_.end() && still->second.absent) {
    fail(ErrorCode::corrupt, "there is no copy '{}' of a parameter that was let go", key.second);
  }
  auto made = std::make_shared<const Tensor>(make());
  known = made;
  // The copy takes the place of the original, which stays in its file.
  if (made->data() != source.data()) release_file_pages(source.data(), source.bytes());
  return made;
}

std::shared_ptr<const Tensor> ParameterStore::derive(const Tensor& source, const std::string& kind,
                                                     const TensorType& type, const std::function<void(Tensor&)>& fill) {
  auto copy = derive(source, kind, [&] {
    Tensor made(type.shape, *type.dtype);
    fill(made);
    return made;
  });
  require_type(*copy, kind, type);
  return copy;
}

std::shared_ptr<const Tensor> ParameterStore::derive_resident(const Tensor& source, const std::string& kind,
                                                              const TensorType& type, const DeviceMemory& memory,
                                                              const std::function<Tensor()>& make) {
  const std::string resident = kind.empty() ? memory.name() : memory.name() + " " + kind;
  auto copy = derive(source, resident, make);
  require_type(*copy, resident, type);
  return copy;
}

bool ParameterStore::is_resident(const std::string& kind, const DeviceMemory& memory) {
  return !memory.is_host() && kind.starts_with(memory.name() + " ");
}

std::vector<ParameterStore::Copy> ParameterStore::copies_of(Hash identity) {
  std::vector<Copy> copies;
  const std::scoped_lock lock(mutex_);
  for (auto at = derived_.lower_bound({identity, ""}); at != derived_.end() && at->first.first == identity; ++at) {
    if (auto tensor = at->second.lock()) copies.push_back({at->first.second, std::move(tensor)});
  }
  return copies;
}

}  // namespace tenon
