#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <tenon/model.h>

#include "core/hash.h"

namespace tenon {

class DeviceMemory;

/// What is derived from a model's parameters (converted and packed copies), made once and shared by every program of
/// the model. A copy lives as long as a program holds it. Thread-safe.
class ParameterStore {
 public:
  explicit ParameterStore(Model model);

  /// A copy, and what it is called.
  struct Copy {
    std::string kind;
    std::shared_ptr<const Tensor> tensor;
  };
  /// A parameter whose copies were made before and come from a file.
  struct Source {
    Tensor tensor;
    bool absent = false;  ///< its elements are not what they were: the copies are all there is
    std::vector<Copy> copies;
  };
  /// Without a model. derive() throws Error(corrupt) for a copy of an absent source that is not among these.
  explicit ParameterStore(std::vector<Source> sources);
  const Model& model() const { return model_; }

  /// The copy of `source` called `kind`; made where there is none. A parameter of the model goes by its memory. What a
  /// pass computed goes by its content: it is computed again for every program, and is let go once it is packed.
  std::shared_ptr<const Tensor> derive(const Tensor& source, const std::string& kind,
                                       const std::function<Tensor()>& make);

  /// The same for a copy whose type is known; where it is made, `fill` writes its elements. Throws Error(corrupt) for a
  /// copy from a file that has another type.
  std::shared_ptr<const Tensor> derive(const Tensor& source, const std::string& kind, const TensorType& type,
                                       const std::function<void(Tensor&)>& fill);

  /// The same for a copy in a device's memory, where `make` puts it; its kind begins with the memory's name.
  std::shared_ptr<const Tensor> derive_resident(const Tensor& source, const std::string& kind, const TensorType& type,
                                                const DeviceMemory& memory, const std::function<Tensor()>& make);
  /// Whether a copy of this kind lies in this memory, which is a device's.
  static bool is_resident(const std::string& kind, const DeviceMemory& memory);

  /// By what the store knows a source.
  Hash identity(const Tensor& source);
  /// The copies that somebody holds of the source of this identity.
  std::vector<Copy> copies_of(Hash identity);

  /// Promises that a source's memory stays what it is while the result lives, so that its content is looked at once.
  std::shared_ptr<const void> hold_still(const Tensor& source);

 private:
  using Key = std::pair<Hash, std::string>;
  struct Still {
    Hash identity;
    int promises;
    bool absent = false;
  };

  Model model_;
  std::mutex mutex_;
  std::map<const void*, Still> still_;  // memory that stays what it is
  std::map<Key, std::weak_ptr<const Tensor>> derived_;
  std::vector<Source> sources_;
};

}  // namespace tenon
