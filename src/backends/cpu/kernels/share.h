#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace tenon::cpu {

/// Elements from which on a parallel region pays for waking the threads.
inline constexpr std::int64_t kWorthWaking = 16384;

/// What of `count` items falls to the calling thread of a parallel region: neighbours, as evenly as can be.
struct Share {
  std::int64_t first, last;
};
inline Share share_of(std::int64_t count) {
  const std::int64_t parts = omp_get_num_threads(), part = omp_get_thread_num();
  return {count * part / parts, count * (part + 1) / parts};
}

/// Calls work(first, last) for what falls to the calling thread of `planes` planes of `rows` rows, numbered one after
/// the other. Where the images cannot be shared out, it is the same rows of every plane: then most of what a thread
/// reads it has written itself in the step before, and the cores need not send it to each other.
template <class Work>
void for_own_rows(std::int64_t images, std::int64_t planes, std::int64_t rows, const Work& work) {
  if (images % omp_get_num_threads() == 0 || rows < 4 * omp_get_num_threads()) {
    const Share share = share_of(planes * rows);
    if (share.first < share.last) work(share.first, share.last);
    return;
  }
  const Share share = share_of(rows);
  for (std::int64_t plane = 0; plane < planes; ++plane) work(plane * rows + share.first, plane * rows + share.last);
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Floats up to the next cache line.
inline std::size_t whole_lines(std::int64_t floats) {
  return static_cast<std::size_t>(ceil_div(floats, 16) * 16);
}

}  // namespace tenon::cpu
