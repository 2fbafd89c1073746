#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <tenon/model.h>

namespace tenon {

/// What is derived from a model's parameters (converted and packed copies), made once and shared by every program of
/// the model. A copy lives as long as a program holds it. Thread-safe.
class ParameterStore {
 public:
  explicit ParameterStore(Model model) : model_(std::move(model)) {}
  const Model& model() const { return model_; }

  /// The copy of `source` (by its memory) called `kind`; made where there is none.
  std::shared_ptr<const Tensor> derive(const Tensor& source, const std::string& kind,
                                       const std::function<Tensor()>& make);

 private:
  Model model_;
  std::mutex mutex_;
  std::map<std::pair<const void*, std::string>, std::weak_ptr<const Tensor>> derived_;
};

}  // namespace tenon
