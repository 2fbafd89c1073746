#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <tenon/model.h>

#include "core/hash.h"

namespace tenon {

/// What is derived from a model's parameters (converted and packed copies), made once and shared by every program of
/// the model. A copy lives as long as a program holds it. Thread-safe.
class ParameterStore {
 public:
  explicit ParameterStore(Model model);
  const Model& model() const { return model_; }

  /// The copy of `source` called `kind`; made where there is none. A parameter of the model goes by its memory. What a
  /// pass computed goes by its content: it is computed again for every program, and is let go once it is packed.
  std::shared_ptr<const Tensor> derive(const Tensor& source, const std::string& kind,
                                       const std::function<Tensor()>& make);

 private:
  using Key = std::pair<Hash, std::string>;
  Key key_of(const Tensor& source, const std::string& kind) const;

  Model model_;
  std::set<const void*> lasting_;  // memory that stays what it is while the store lives
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const Tensor>> derived_;
};

}  // namespace tenon
