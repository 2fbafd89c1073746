#pragma once

#include <map>
#include <string>
#include <utility>

#include <tenon/session.h>

namespace tenon {

/// A Model bound to shapes and a device, as in MXNet: an Engine and a Session of it in one. Executors of one Model
/// share its parameters and run in parallel threads.
class Executor : public Session {
 public:
  /// As Engine::build().
  static Executor bind(const Model& model, const BindOptions& options) {
    return Executor(Session(Engine::build(model, options)));
  }
  Executor reshape(const std::map<std::string, Shape>& shapes) const { return Executor(Session::reshape(shapes)); }

 private:
  explicit Executor(Session session) : Session(std::move(session)) {}
};

}  // namespace tenon
