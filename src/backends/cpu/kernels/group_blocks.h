#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/cpu/kernels/convolution.h"

namespace tenon::cpu {

/// Which blocks of 16 channels each block of 16 filters reads: those that its groups touch. Weights of other groups'
/// are zero there.
struct GroupBlocks {
  std::vector<std::int64_t> first;  ///< for each block of filters
  std::int64_t count = 1;           ///< the same for all
  int last_depth = 16;              ///< words of the last block that have to be read

  explicit GroupBlocks(const ConvolutionProblem& problem) {
    constexpr std::int64_t kBlock = 16;
    const std::int64_t group_filters = problem.filters / problem.groups;
    const std::int64_t group_channels = problem.channels / problem.groups;
    for (std::int64_t o = 0; o < problem.dst_blocks(); ++o) {
      const std::int64_t last_filter = std::min(problem.filters, (o + 1) * kBlock) - 1;
      const std::int64_t from = o * kBlock / group_filters * group_channels / kBlock;
      const std::int64_t last = ((last_filter / group_filters + 1) * group_channels - 1) / kBlock;
      first.push_back(from);
      count = std::max(count, last - from + 1);
    }
    for (std::int64_t& from : first) from = std::min(from, problem.src_blocks() - count);
    last_depth = static_cast<int>(count == problem.src_blocks() ? problem.last_words() : problem.src_words());
  }
};

}  // namespace tenon::cpu
