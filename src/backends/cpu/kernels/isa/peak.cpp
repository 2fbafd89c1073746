// As many multiply-adds as the registers allow, none waiting for another.

#include "backends/cpu/peak.h"
#include "backends/cpu/kernels/simd.h"

namespace tenon::cpu::TENON_ISA {

/// Runs `rounds` of them; the operations done.
double multiply_adds(int rounds) {
  const Vec a = broadcast(1.0f + static_cast<float>(rounds) * 1e-20f), b = broadcast(1e-3f);
  // By name, since g++ would keep an array in memory, and from different numbers, since it would see through equal
  // ones. Of AVX2 each is two registers.
  Vec s0 = broadcast(0), s1 = broadcast(1), s2 = broadcast(2), s3 = broadcast(3), s4 = broadcast(4);
#ifdef __AVX512F__
  constexpr int chains = 10;
  Vec s5 = broadcast(5), s6 = broadcast(6), s7 = broadcast(7), s8 = broadcast(8), s9 = broadcast(9);
#else
  constexpr int chains = 5;
#endif
  for (int i = 0; i < rounds; ++i) {
    s0 = fma(a, b, s0);
    s1 = fma(a, b, s1);
    s2 = fma(a, b, s2);
    s3 = fma(a, b, s3);
    s4 = fma(a, b, s4);
#ifdef __AVX512F__
    s5 = fma(a, b, s5);
    s6 = fma(a, b, s6);
    s7 = fma(a, b, s7);
    s8 = fma(a, b, s8);
    s9 = fma(a, b, s9);
#endif
  }
  Vec sum = add(add(add(s0, s1), add(s2, s3)), s4);
#ifdef __AVX512F__
  sum = add(sum, add(add(add(s5, s6), add(s7, s8)), s9));
#endif
  float kept[kLanes];
  store(kept, sum);
  asm volatile("" ::"r"(kept) : "memory");
  return 2.0 * kLanes * chains * rounds;
}

}  // namespace tenon::cpu::TENON_ISA
