#pragma once

namespace tenon::cpu {

/// What the processor does at most, as measured now.
struct Peak {
  double operations_per_second = 0;  ///< of float32, a multiply-add being two
  double bytes_per_second = 0;       ///< read from memory, not from a cache
};

/// Takes about 50 ms of all the threads.
Peak measure_peak(int threads);

// For one instruction set each.
namespace avx2 {
double multiply_adds(int rounds);
}
namespace avx512 {
double multiply_adds(int rounds);
}

}  // namespace tenon::cpu
