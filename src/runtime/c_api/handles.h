// What the handles of the C API hold, and what its functions share.
#pragma once

#include <new>
#include <span>

#include <fmt/format.h>

#include <tenon/c_api.h>
#include <tenon/tenon.h>

#include "core/error.h"

namespace tenon::c_api {

/// Names for C: the strings, and pointers to them.
class NameList {
 public:
  explicit NameList(std::vector<std::string> names) : names_(std::move(names)) {
    for (const std::string& name : names_) pointers_.push_back(name.c_str());
  }
  NameList(const NameList&) = delete;
  NameList& operator=(const NameList&) = delete;

  const std::vector<std::string>& names() const { return names_; }
  void give(std::size_t* count, const char* const** names) const {
    *count = pointers_.size();
    *names = pointers_.data();
  }

 private:
  std::vector<std::string> names_;
  std::vector<const char*> pointers_;
};

std::vector<std::string> keys(const Parameters& parameters);

/// A copy that tenon_string_free() releases.
char* new_string(const std::string& text);

/// Keeps the sentence for this thread.
TenonStatus failed(TenonStatus status, const char* sentence) noexcept;

/// What a progress callback throws that returns TENON_CANCEL.
struct Cancelled {};

/// Runs the body of one function of the API; no exception leaves it.
template <class Body>
TenonStatus guarded(Body body) noexcept {
  try {
    body();
    return TENON_OK;
  } catch (const Error& error) {
    return failed(static_cast<TenonStatus>(error.code()), error.what());
  } catch (const Cancelled&) {
    return failed(TENON_CANCELLED, "the build was cancelled by its progress callback");
  } catch (const std::bad_alloc&) {
    return failed(TENON_OUT_OF_MEMORY, "there is not enough memory");
  } catch (const std::exception& error) {
    return failed(TENON_INTERNAL, error.what());
  } catch (...) {
    return failed(TENON_INTERNAL, "an exception of unknown type was thrown");
  }
}

template <class Pointer>
Pointer require(Pointer pointer, const char* argument) {
  if (pointer == nullptr) fail(ErrorCode::invalid_argument, "the argument '{}' is NULL", argument);
  return pointer;
}

/// A C array; NULL only where it is empty.
template <class T>
std::span<const T> array(std::size_t count, const T* items, const char* argument) {
  if (count > 0) require(items, argument);
  return {items, count};
}

/// Gives borrowed memory back to the caller, once it is armed.
struct Release {
  explicit Release(void* given) : context(given) {}
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;
  ~Release() {
    if (function != nullptr) function(context);
  }
  void* context;
  void (*function)(void*) = nullptr;
};

bool is_dtype(TenonDType dtype);
DType dtype_of(TenonDType dtype);
/// A shape of a call; only inference takes unknown dimensions.
Shape shape_of(std::int32_t rank, const std::int64_t* dims, bool may_be_unknown);
std::map<std::string, TensorType> types_of(std::size_t count, const TenonType* types, const char* argument);
/// The shapes among them.
std::map<std::string, Shape> shapes_of(const std::map<std::string, TensorType>& types);
BindOptions options_of(const TenonBindOptions* options);

}  // namespace tenon::c_api

struct TenonTensor {
  tenon::Tensor tensor;
};

struct TenonModel {
  explicit TenonModel(tenon::Model made)
      : model(std::move(made)),
        lists{tenon::c_api::NameList(model.arguments()), tenon::c_api::NameList(model.auxiliary_states()),
              tenon::c_api::NameList(model.outputs()), tenon::c_api::NameList(model.inputs()),
              tenon::c_api::NameList(tenon::c_api::keys(model.parameters()))} {}
  tenon::Model model;
  tenon::c_api::NameList lists[5];  // by TenonNames
};

struct TenonTypes {
  explicit TenonTypes(std::map<std::string, tenon::TensorType> inferred) : owned(std::move(inferred)) {
    for (const auto& [name, type] : owned) types.push_back(view(name, type));
  }
  static TenonType view(const std::string& name, const tenon::TensorType& type) {
    return {name.c_str(), type.dtype ? static_cast<TenonDType>(*type.dtype) : TENON_DTYPE_UNKNOWN, type.shape.rank(),
            type.shape.dims().data()};
  }
  std::map<std::string, tenon::TensorType> owned;
  std::vector<TenonType> types;
};

struct TenonArrays {
  explicit TenonArrays(tenon::Parameters read) : arrays(std::move(read)), names(tenon::c_api::keys(arrays)) {}
  tenon::Parameters arrays;
  tenon::c_api::NameList names;
};

struct TenonExecutor {
  explicit TenonExecutor(tenon::Session made)
      : executor(std::move(made)), inputs(executor.inputs()), outputs(executor.outputs()), infos(executor.steps()) {
    for (const auto& info : infos) refusals.push_back(fmt::format("{}", fmt::join(info.refusals, "\n")));
    for (std::size_t i = 0; i < infos.size(); ++i) {
      steps.push_back(
          {infos[i].node.c_str(), infos[i].op.c_str(), infos[i].implementation.c_str(), refusals[i].c_str()});
    }
  }
  tenon::Session executor;
  tenon::c_api::NameList inputs, outputs;
  std::vector<tenon::StepInfo> infos;
  std::vector<std::string> refusals;
  std::vector<TenonStep> steps;
};

struct TenonEngine {
  tenon::Engine engine;
  std::string device = engine.options().device.str();
};
