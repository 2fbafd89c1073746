#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "graph/graph.h"

namespace tenon {

/// What a kernel says of data it cannot work on: the node and operator come first, as in every refusal. Every backend
/// refuses with these sentences.
class DataRefusal {
 public:
  explicit DataRefusal(const OpCall& call)
      : where_(fmt::format("node '{}' ({})", call.node.name, call.node.op_name())) {}

  template <class... Args>
  [[noreturn]] void operator()(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCode::invalid_argument, "{}: {}", where_, fmt::format(format, std::forward<Args>(args)...));
  }

  [[noreturn]] void index(std::int64_t index, std::int64_t size) const {
    (*this)("index {} is outside an axis of size {}", index, size);
  }
  [[noreturn]] void index_of_axis(std::int64_t index, std::int64_t axis, std::int64_t size) const {
    (*this)("index {} is outside axis {}, which has size {}", index, axis, size);
  }
  [[noreturn]] void sequence_length(std::int64_t n, std::int64_t length, std::int64_t least, std::int64_t most) const {
    (*this)("sequence_length[{}] is {}, but must lie between {} and {}", n, length, least, most);
  }

 private:
  std::string where_;
};

}  // namespace tenon
