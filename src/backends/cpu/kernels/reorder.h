#pragma once

#include <cstdint>

namespace tenon::cpu {

/// A tensor (batch, channels, inner) that is copied between its row-major form, of floats, and the one in blocks of 16
/// channels, of floats or, by avx512_bf16, of bfloat16.
struct ReorderProblem {
  std::int64_t batch = 1, channels = 1, inner = 1;
  bool to_blocks = true;

  /// What can be copied apart: blocks of channels.
  std::int64_t blocks() const { return batch * ((channels + 15) / 16); }
};

// Blocks [first, last).
namespace avx512 {
void reorder(const ReorderProblem& problem, const void* src, void* dst, std::int64_t first, std::int64_t last);
}
namespace avx512_bf16 {
void reorder(const ReorderProblem& problem, const void* src, void* dst, std::int64_t first, std::int64_t last);
}
namespace avx2 {
void reorder(const ReorderProblem& problem, const void* src, void* dst, std::int64_t first, std::int64_t last);
}

}  // namespace tenon::cpu
