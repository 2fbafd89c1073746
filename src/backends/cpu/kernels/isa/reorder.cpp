// Between row-major and blocks of 16 channels: squares of 16 channels by 16 elements, turned in registers.

#include "backends/cpu/kernels/reorder.h"

#include "backends/cpu/kernels/isa/transpose.h"

namespace tenon::cpu::TENON_ISA {
namespace {

/// A square whose rows are `channels` planes, zeros for those that don't exist.
TENON_ALWAYS_INLINE void load_planes(const float* planes, std::int64_t pitch, int channels, int elements,
                                     Vec (&square)[16]) {
  const Mask mask = first_lanes(elements);
#pragma GCC unroll 16
  for (int c = 0; c < kLanes; ++c) square[c] = c < channels ? load(planes + c * pitch, mask) : zero();
}

}  // namespace

void reorder(const ReorderProblem& problem, const void* src, void* dst, std::int64_t first, std::int64_t last) {
  const std::int64_t blocks = (problem.channels + kLanes - 1) / kLanes, inner = problem.inner;
  Vec square[16];
  for (std::int64_t at = first; at < last; ++at) {
    const std::int64_t channel = at % blocks * kLanes;
    const std::int64_t planes = (at / blocks * problem.channels + channel) * inner, block = at * inner * kLanes;
    const int channels = static_cast<int>(lesser<std::int64_t>(kLanes, problem.channels - channel));
    for (std::int64_t i = 0; i < inner; i += kLanes) {
      const int elements = static_cast<int>(lesser<std::int64_t>(kLanes, inner - i));
      if (problem.to_blocks) {
        load_planes(static_cast<const float*>(src) + planes + i, inner, channels, elements, square);
        transpose(square);
        for (int e = 0; e < elements; ++e)
          store_source(static_cast<Source*>(dst) + block + (i + e) * kLanes, square[e]);
      } else {
        const Source* from = static_cast<const Source*>(src) + block + i * kLanes;
        for (int e = 0; e < kLanes; ++e) square[e] = e < elements ? load_source(from + e * kLanes) : zero();
        transpose(square);
        const Mask mask = first_lanes(elements);
        float* to = static_cast<float*>(dst) + planes + i;
        for (int c = 0; c < channels; ++c) store(to + c * inner, square[c], mask);
      }
    }
  }
}

}  // namespace tenon::cpu::TENON_ISA
