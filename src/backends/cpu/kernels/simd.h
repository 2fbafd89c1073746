#pragma once

// A vector of 16 floats: one register of AVX-512, two of AVX2. Only files of kernels/isa/ include this.

#include <immintrin.h>

#include <cstdint>

#ifndef TENON_ISA
#error "TENON_ISA names the instruction set this file is compiled for"
#endif

#define TENON_ALWAYS_INLINE [[gnu::always_inline]] inline

namespace tenon::cpu::TENON_ISA {

inline constexpr int kLanes = 16;
#ifdef __AVX512BF16__
inline constexpr bool kNarrow = true;  ///< sources lie as bfloat16
#else
inline constexpr bool kNarrow = false;
#endif

#ifdef __AVX512F__

using Vec = __m512;
using Mask = __mmask16;

TENON_ALWAYS_INLINE Vec zero() {
  return _mm512_setzero_ps();
}
TENON_ALWAYS_INLINE Vec broadcast(float value) {
  return _mm512_set1_ps(value);
}
TENON_ALWAYS_INLINE Vec load(const float* from) {
  return _mm512_loadu_ps(from);
}
TENON_ALWAYS_INLINE void store(float* to, Vec v) {
  _mm512_storeu_ps(to, v);
}
TENON_ALWAYS_INLINE Vec add(Vec a, Vec b) {
  return _mm512_add_ps(a, b);
}
TENON_ALWAYS_INLINE Vec sub(Vec a, Vec b) {
  return _mm512_sub_ps(a, b);
}
TENON_ALWAYS_INLINE Vec mul(Vec a, Vec b) {
  return _mm512_mul_ps(a, b);
}
TENON_ALWAYS_INLINE Vec div(Vec a, Vec b) {
  return _mm512_div_ps(a, b);
}
/// a * b + c
TENON_ALWAYS_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return _mm512_fmadd_ps(a, b, c);
}
/// c - a * b
TENON_ALWAYS_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return _mm512_fnmadd_ps(a, b, c);
}
/// The greater one; `value` where it is NaN.
TENON_ALWAYS_INLINE Vec at_least(Vec bound, Vec value) {
  return _mm512_max_ps(bound, value);
}
/// The lesser one; `value` where it is NaN.
TENON_ALWAYS_INLINE Vec at_most(Vec bound, Vec value) {
  return _mm512_min_ps(bound, value);
}
TENON_ALWAYS_INLINE Vec sqrt(Vec a) {
  return _mm512_sqrt_ps(a);
}
TENON_ALWAYS_INLINE Vec abs(Vec a) {
  return _mm512_abs_ps(a);
}
/// Nearest integer, ties to even.
TENON_ALWAYS_INLINE Vec round(Vec a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/// False where either is NaN.
TENON_ALWAYS_INLINE Mask less(Vec a, Vec b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
TENON_ALWAYS_INLINE Mask is_nan(Vec a) {
  return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}
/// `yes` where the mask is set, else `no`.
TENON_ALWAYS_INLINE Vec select(Mask mask, Vec yes, Vec no) {
  return _mm512_mask_blend_ps(mask, no, yes);
}
/// The first `count` lanes, 0 to 16.
TENON_ALWAYS_INLINE Mask first_lanes(int count) {
  return static_cast<Mask>((1u << count) - 1u);
}
/// Zero where the mask is not set; does not read there.
TENON_ALWAYS_INLINE Vec load(const float* from, Mask mask) {
  return _mm512_maskz_loadu_ps(mask, from);
}
TENON_ALWAYS_INLINE void store(float* to, Vec v, Mask mask) {
  _mm512_mask_storeu_ps(to, mask, v);
}
TENON_ALWAYS_INLINE Vec keep(Mask mask, Vec v) {
  return _mm512_maskz_mov_ps(mask, v);
}
TENON_ALWAYS_INLINE float sum_of_lanes(Vec v) {
  return _mm512_reduce_add_ps(v);
}
/// v * 2^n for an n of whole numbers, any of which may be out of a float's range.
TENON_ALWAYS_INLINE Vec scale_by_power(Vec v, Vec n) {
  return _mm512_scalef_ps(v, n);
}
TENON_ALWAYS_INLINE Vec load_bfloat16(const std::uint16_t* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
/// Rounds to nearest even; NaN stays NaN.
TENON_ALWAYS_INLINE void store_bfloat16(std::uint16_t* to, Vec v) {
#ifdef __AVX512BF16__  // which takes the smallest numbers, those below a float's normal range, as zero
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
#else
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const Mask nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  rounded = _mm512_mask_blend_epi32(nan, rounded, _mm512_or_si512(bits, _mm512_set1_epi32(0x400000)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
#endif
}

#else

struct Vec {
  __m256 low, high;
};
/// All bits of a lane set, or none.
struct Mask {
  __m256 low, high;
};

TENON_ALWAYS_INLINE Vec zero() {
  return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
TENON_ALWAYS_INLINE Vec broadcast(float value) {
  return {_mm256_set1_ps(value), _mm256_set1_ps(value)};
}
TENON_ALWAYS_INLINE Vec load(const float* from) {
  return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}
TENON_ALWAYS_INLINE void store(float* to, Vec v) {
  _mm256_storeu_ps(to, v.low);
  _mm256_storeu_ps(to + 8, v.high);
}
TENON_ALWAYS_INLINE Vec add(Vec a, Vec b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
TENON_ALWAYS_INLINE Vec sub(Vec a, Vec b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
TENON_ALWAYS_INLINE Vec mul(Vec a, Vec b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
TENON_ALWAYS_INLINE Vec div(Vec a, Vec b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
TENON_ALWAYS_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
TENON_ALWAYS_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}
TENON_ALWAYS_INLINE Vec at_least(Vec bound, Vec value) {
  return {_mm256_max_ps(bound.low, value.low), _mm256_max_ps(bound.high, value.high)};
}
TENON_ALWAYS_INLINE Vec at_most(Vec bound, Vec value) {
  return {_mm256_min_ps(bound.low, value.low), _mm256_min_ps(bound.high, value.high)};
}
TENON_ALWAYS_INLINE Vec sqrt(Vec a) {
  return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)};
}
TENON_ALWAYS_INLINE Vec abs(Vec a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}
TENON_ALWAYS_INLINE Vec round(Vec a) {
  constexpr int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.low, mode), _mm256_round_ps(a.high, mode)};
}
TENON_ALWAYS_INLINE Mask less(Vec a, Vec b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
TENON_ALWAYS_INLINE Mask is_nan(Vec a) {
  return {_mm256_cmp_ps(a.low, a.low, _CMP_UNORD_Q), _mm256_cmp_ps(a.high, a.high, _CMP_UNORD_Q)};
}
TENON_ALWAYS_INLINE Vec select(Mask mask, Vec yes, Vec no) {
  return {_mm256_blendv_ps(no.low, yes.low, mask.low), _mm256_blendv_ps(no.high, yes.high, mask.high)};
}
TENON_ALWAYS_INLINE Mask first_lanes(int count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane)),
          _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(count - 8), lane))};
}
TENON_ALWAYS_INLINE Vec load(const float* from, Mask mask) {
  return {_mm256_maskload_ps(from, _mm256_castps_si256(mask.low)),
          _mm256_maskload_ps(from + 8, _mm256_castps_si256(mask.high))};
}
TENON_ALWAYS_INLINE void store(float* to, Vec v, Mask mask) {
  _mm256_maskstore_ps(to, _mm256_castps_si256(mask.low), v.low);
  _mm256_maskstore_ps(to + 8, _mm256_castps_si256(mask.high), v.high);
}
TENON_ALWAYS_INLINE Vec keep(Mask mask, Vec v) {
  return {_mm256_and_ps(mask.low, v.low), _mm256_and_ps(mask.high, v.high)};
}
TENON_ALWAYS_INLINE float sum_of_lanes(Vec v) {
  const __m256 eight = _mm256_add_ps(v.low, v.high);
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}
/// In two factors, each within a float's range.
TENON_ALWAYS_INLINE __m256 scale_by_power(__m256 v, __m256 n) {
  n = _mm256_min_ps(_mm256_max_ps(n, _mm256_set1_ps(-250)), _mm256_set1_ps(250));
  const __m256i power = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(power, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(power, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(v, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}
TENON_ALWAYS_INLINE Vec scale_by_power(Vec v, Vec n) {
  return {scale_by_power(v.low, n.low), scale_by_power(v.high, n.high)};
}
TENON_ALWAYS_INLINE Vec load_bfloat16(const std::uint16_t* from) {
  const __m128i* half = reinterpret_cast<const __m128i*>(from);
  const __m256i low = _mm256_cvtepu16_epi32(_mm_loadu_si128(half));
  const __m256i high = _mm256_cvtepu16_epi32(_mm_loadu_si128(half + 1));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(low, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(high, 16))};
}
TENON_ALWAYS_INLINE __m128i to_bfloat16(__m256 v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const __m256i words = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}
TENON_ALWAYS_INLINE void store_bfloat16(std::uint16_t* to, Vec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), to_bfloat16(v.low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + 1, to_bfloat16(v.high));
}

#endif

// What the kernels of a namespace read: floats or, in avx512_bf16, bfloat16. There two of them, neighbouring channels,
// take the place of a float wherever sources are multiplied by packed weights.
#ifdef __AVX512BF16__
using Source = std::uint16_t;
inline constexpr int kWords = kLanes / 2;  ///< of 16 channels, in floats

TENON_ALWAYS_INLINE Vec load_source(const Source* from) {
  return load_bfloat16(from);
}
TENON_ALWAYS_INLINE Vec load_source(const Source* from, Mask mask) {
  const __m256i half = _mm256_maskz_loadu_epi16(mask, from);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
TENON_ALWAYS_INLINE void store_source(Source* to, Vec v) {
  store_bfloat16(to, v);
}
TENON_ALWAYS_INLINE Vec broadcast_word(const float* from) {
  int bits;
  __builtin_memcpy(&bits, from, sizeof bits);
  return _mm512_castsi512_ps(_mm512_set1_epi32(bits));
}
/// c plus the products of a's and b's words.
TENON_ALWAYS_INLINE Vec multiply_words(Vec a, Vec b, Vec c) {
  return _mm512_dpbf16_ps(c, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#else
using Source = float;
inline constexpr int kWords = kLanes;

TENON_ALWAYS_INLINE Vec load_source(const Source* from) {
  return load(from);
}
TENON_ALWAYS_INLINE Vec load_source(const Source* from, Mask mask) {
  return load(from, mask);
}
TENON_ALWAYS_INLINE void store_source(Source* to, Vec v) {
  store(to, v);
}
TENON_ALWAYS_INLINE Vec broadcast_word(const float* from) {
  return broadcast(*from);
}
TENON_ALWAYS_INLINE Vec multiply_words(Vec a, Vec b, Vec c) {
  return fma(a, b, c);
}
#endif

/// The lesser and the greater of two numbers, without the standard library's inline functions.
template <class T>
TENON_ALWAYS_INLINE T lesser(T a, T b) {
  return b < a ? b : a;
}
template <class T>
TENON_ALWAYS_INLINE T greater(T a, T b) {
  return a < b ? b : a;
}

}  // namespace tenon::cpu::TENON_ISA
