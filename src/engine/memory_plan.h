#pragma once

#include <cstddef>
#include <vector>

namespace tenon {

/// Memory that is needed from step `first` to step `last`, both included.
struct Buffer {
  std::size_t bytes = 0;
  int first = 0;
  int last = 0;
  std::size_t offset = 0;  ///< in the arena, a multiple of 64; set by plan_memory()
  int within = -1;         ///< a buffer that this one is a part of, from `at` on; -1: none
  std::size_t at = 0;
};

/// Gives every buffer an offset so that buffers whose lives overlap don't, and returns the size of the arena. A buffer
/// lives as long as its parts.
std::size_t plan_memory(std::vector<Buffer>& buffers);

}  // namespace tenon
