#pragma once

#include <cstdint>
#include <string_view>

#include "graph/op.h"
#include "ops/data_refusal.h"

namespace tenon {

/// What CTCLoss is given beside data and labels.
struct CtcInputs {
  explicit CtcInputs(const Attributes& attributes) {
    int next = 2;
    if (attributes.flag("use_data_lengths")) data_lengths = next++;
    if (attributes.flag("use_label_lengths")) label_lengths = next++;
  }
  int data_lengths = -1, label_lengths = -1;  ///< positions; -1 where absent
};

// What it cannot work on, by any backend.

[[noreturn]] inline void refuse_ctc_length(const DataRefusal& refuse, std::string_view input, std::int64_t n,
                                           std::int64_t length, std::int64_t limit) {
  refuse("'{}' gives sequence {} a length of {}, but 0 to {} is expected", input, n, length, limit);
}
/// `blank_first`: labels are counted from 1; otherwise the last class is the blank.
[[noreturn]] inline void refuse_ctc_label(const DataRefusal& refuse, std::int64_t n, std::int64_t i, std::int64_t label,
                                          std::int64_t classes, bool blank_first) {
  refuse("label {} of sequence {} is {}, but {} to {} is expected", i, n, label, blank_first ? 1 : 0,
         blank_first ? classes - 1 : classes - 2);
}

}  // namespace tenon
