#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tenon/shape.h>

namespace tenon {

struct EngineState;

/// The engines that one Engine stands for: they differ in the batch and share the parameters. Thread-safe.
class EngineFamily : public std::enable_shared_from_this<EngineFamily> {
 public:
  struct Member {
    std::map<std::string, Shape> inputs;  ///< shapes of all of them
    std::shared_ptr<EngineState> state;   ///< null until it is asked for
    std::function<std::shared_ptr<EngineState>()> make;
  };
  explicit EngineFamily(std::vector<Member> members);

  /// The first of which these inputs have these shapes; null where there is none. It keeps the family alive.
  std::shared_ptr<const EngineState> find(const std::map<std::string, Shape>& inputs);
  std::shared_ptr<const EngineState> at(std::size_t i);
  std::size_t size() const { return members_.size(); }
  const std::map<std::string, Shape>& inputs(std::size_t i) const { return members_[i].inputs; }

 private:
  std::mutex mutex_;
  std::vector<Member> members_;
};

}  // namespace tenon
