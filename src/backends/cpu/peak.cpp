#include "backends/cpu/peak.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "backends/cpu/kernels/isa.h"
#include "core/threads.h"

namespace tenon::cpu {
namespace {

/// The best of a few: what the machine can do when nobody disturbs it. `work` gives how much it did.
template <class Work>
double best_rate(Work work) {
  double best = 0;
  for (int i = 0; i < 15; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const double done = work();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    best = std::max(best, done / passed.count());
  }
  return best;
}

}  // namespace

Peak measure_peak(int threads) {
  const ThreadScope scope(threads);
  Peak peak;
  if (machine_isa() != Isa::none) {
    const auto multiply_adds = machine_isa() == Isa::avx512 ? avx512::multiply_adds : avx2::multiply_adds;
    peak.operations_per_second = best_rate([&] {
      double done = 0;
#pragma omp parallel reduction(+ : done)
      done += multiply_adds(1'000'000);
      return done;
    });
  }
  // Larger than any cache but those of a few servers.
  const std::vector<std::int64_t> memory(std::size_t{64} << 17, 1);
  peak.bytes_per_second = best_rate([&] {
    std::int64_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (std::size_t i = 0; i < memory.size(); ++i) sum += memory[i];
    return sum == 0 ? 0.0 : static_cast<double>(memory.size() * sizeof(std::int64_t));
  });
  return peak;
}

}  // namespace tenon::cpu
