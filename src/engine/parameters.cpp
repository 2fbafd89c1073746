#include "engine/parameters.h"

#include "core/pages.h"

namespace tenon {

std::shared_ptr<const Tensor> ParameterStore::derive(const Tensor& source, const std::string& kind,
                                                     const std::function<Tensor()>& make) {
  const std::scoped_lock lock(mutex_);
  std::weak_ptr<const Tensor>& known = derived_[{source.data(), kind}];
  if (auto kept = known.lock()) return kept;
  auto made = std::make_shared<const Tensor>(make());
  known = made;
  // The copy takes the place of the original, which stays in its file.
  if (made->data() != source.data()) release_file_pages(source.data(), source.bytes());
  return made;
}

}  // namespace tenon
