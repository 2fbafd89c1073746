#include "engine/parameters.h"

#include <fmt/format.h>

#include "core/pages.h"

namespace tenon {

ParameterStore::ParameterStore(Model model) : model_(std::move(model)) {
  for (const auto& [name, tensor] : model_.parameters()) lasting_.insert(tensor.data());
}

ParameterStore::Key ParameterStore::key_of(const Tensor& source, const std::string& kind) const {
  std::string what = fmt::format("{} of {} {}", kind, name(source.dtype()), source.shape().str());
  if (lasting_.contains(source.data())) return {{reinterpret_cast<std::uintptr_t>(source.data()), 0}, std::move(what)};
  return {hash_of(source.data(), source.bytes()), std::move(what)};
}

std::shared_ptr<const Tensor> ParameterStore::derive(const Tensor& source, const std::string& kind,
                                                     const std::function<Tensor()>& make) {
  Key key = key_of(source, kind);
  const std::scoped_lock lock(mutex_);
  std::weak_ptr<const Tensor>& known = derived_[std::move(key)];
  if (auto kept = known.lock()) return kept;
  auto made = std::make_shared<const Tensor>(make());
  known = made;
  // The copy takes the place of the original, which stays in its file.
  if (made->data() != source.data()) release_file_pages(source.data(), source.bytes());
  return made;
}

}  // namespace tenon
