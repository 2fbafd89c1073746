#pragma once

// A square of 16 vectors with its rows and columns exchanged.

#include "backends/cpu/kernels/simd.h"

namespace tenon::cpu::TENON_ISA {

#ifdef __AVX512F__

TENON_ALWAYS_INLINE void transpose(Vec (&v)[16]) {
  __m512 pairs[16], fours[16];  // of neighbouring rows, then of four, within each 128 bits
  const auto unpack = [](__m512 a, __m512 b, bool high) __attribute__((always_inline)) {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));
  };
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    fours[i] = unpack(pairs[i], pairs[i + 2], false);
    fours[i + 1] = unpack(pairs[i], pairs[i + 2], true);
    fours[i + 2] = unpack(pairs[i + 1], pairs[i + 3], false);
    fours[i + 3] = unpack(pairs[i + 1], pairs[i + 3], true);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512 even = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0x88);
    const __m512 odd = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0xdd);
    const __m512 far_even = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0x88);
    const __m512 far_odd = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0xdd);
    v[j] = _mm512_shuffle_f32x4(even, far_even, 0x88);
    v[4 + j] = _mm512_shuffle_f32x4(odd, far_odd, 0x88);
    v[8 + j] = _mm512_shuffle_f32x4(even, far_even, 0xdd);
    v[12 + j] = _mm512_shuffle_f32x4(odd, far_odd, 0xdd);
  }
}

#else

TENON_ALWAYS_INLINE void transpose(const __m256 (&from)[8], __m256 (&to)[8]) {
  __m256 pairs[8], fours[8];
  const auto unpack = [](__m256 a, __m256 b, bool high) __attribute__((always_inline)) {
    const __m256d x = _mm256_castps_pd(a), y = _mm256_castps_pd(b);
    return _mm256_castpd_ps(high ? _mm256_unpackhi_pd(x, y) : _mm256_unpacklo_pd(x, y));
  };
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(from[i], from[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(from[i], from[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    fours[i] = unpack(pairs[i], pairs[i + 2], false);
    fours[i + 1] = unpack(pairs[i], pairs[i + 2], true);
    fours[i + 2] = unpack(pairs[i + 1], pairs[i + 3], false);
    fours[i + 3] = unpack(pairs[i + 1], pairs[i + 3], true);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    to[j] = _mm256_permute2f128_ps(fours[j], fours[4 + j], 0x20);
    to[4 + j] = _mm256_permute2f128_ps(fours[j], fours[4 + j], 0x31);
  }
}

TENON_ALWAYS_INLINE void transpose(Vec (&v)[16]) {
  __m256 quarter[4][8], turned[4][8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    quarter[0][i] = v[i].low;
    quarter[1][i] = v[i].high;
    quarter[2][i] = v[8 + i].low;
    quarter[3][i] = v[8 + i].high;
  }
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) transpose(quarter[q], turned[q]);
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    v[i] = {turned[0][i], turned[2][i]};
    v[8 + i] = {turned[1][i], turned[3][i]};
  }
}

#endif

}  // namespace tenon::cpu::TENON_ISA
