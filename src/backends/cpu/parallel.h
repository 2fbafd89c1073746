#pragma once

#include <omp.h>

#include <cstdint>

namespace tenon::cpu {

template <class Body>
[[gnu::target("avx512f,avx512bw,avx512vl,avx2,fma")]] void run_avx512(const Body& body, std::int64_t first,
                                                                      std::int64_t last) {
  body(first, last);
}
template <class Body>
[[gnu::target("avx2,fma")]] void run_avx2(const Body& body, std::int64_t first, std::int64_t last) {
  body(first, last);
}

/// Calls body(first, last) compiled for the widest vectors of this machine: AVX-512, AVX2 or the baseline. The compiler
/// vectorises; the body has to be inlined (a lambda with TENON_INLINE).
template <class Body>
void run_widest(const Body& body, std::int64_t first, std::int64_t last) {
  static const bool avx512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512) return run_avx512(body, first, last);
  if (avx2) return run_avx2(body, first, last);
  body(first, last);
}

/// Splits [0, count) evenly over the threads and runs body(first, last) on each part; in the caller alone where
/// count * cost, the elements in all, would not pay for waking threads.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t cost, const Body& body) {
  constexpr std::int64_t worth_waking = 16384;
#pragma omp parallel if (count * cost >= worth_waking)
  {
    const std::int64_t parts = omp_get_num_threads(), part = omp_get_thread_num();
    run_widest(body, count * part / parts, count * (part + 1) / parts);
  }
}

}  // namespace tenon::cpu
