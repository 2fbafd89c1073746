#pragma once

// Functions of 16 floats at a time. Errors are measured in tests/backends/math_test.cpp: at most 2 units in the last
// place for exp and log, 4 for the others.

#include "backends/cpu/kernels/simd.h"

namespace tenon::cpu::TENON_ISA {

#ifdef __AVX512F__

/// The magnitude of one, the sign of the other.
TENON_ALWAYS_INLINE Vec copy_sign(Vec magnitude, Vec sign) {
  const __m512i mask = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  return _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(mask, _mm512_castps_si512(sign), _mm512_castps_si512(magnitude), 0xca));
}
/// v = mantissa * 2^exponent, the mantissa from 1 to below 2. v is positive and finite.
struct Parts {
  Vec mantissa, exponent;
};
TENON_ALWAYS_INLINE Parts parts_of(Vec v) {
  return {_mm512_getmant_ps(v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src), _mm512_getexp_ps(v)};
}

#else

TENON_ALWAYS_INLINE __m256 copy_sign(__m256 magnitude, __m256 sign) {
  const __m256 mask = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_andnot_ps(mask, magnitude), _mm256_and_ps(mask, sign));
}
TENON_ALWAYS_INLINE Vec copy_sign(Vec magnitude, Vec sign) {
  return {copy_sign(magnitude.low, sign.low), copy_sign(magnitude.high, sign.high)};
}
struct Parts {
  Vec mantissa, exponent;
};
TENON_ALWAYS_INLINE void parts_of(__m256 v, __m256& mantissa, __m256& exponent) {
  // Subnormal numbers are scaled up first.
  const __m256 small = _mm256_cmp_ps(v, _mm256_set1_ps(1.17549435e-38f), _CMP_LT_OQ);
  v = _mm256_blendv_ps(v, _mm256_mul_ps(v, _mm256_set1_ps(16777216.0f)), small);
  const __m256i bits = _mm256_castps_si256(v);
  const __m256 biased = _mm256_cvtepi32_ps(_mm256_srli_epi32(bits, 23));
  exponent = _mm256_sub_ps(biased, _mm256_blendv_ps(_mm256_set1_ps(127), _mm256_set1_ps(151), small));
  const __m256i fraction = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffff));
  mantissa = _mm256_castsi256_ps(_mm256_or_si256(fraction, _mm256_set1_epi32(0x3f800000)));
}
TENON_ALWAYS_INLINE Parts parts_of(Vec v) {
  Parts parts;
  parts_of(v.low, parts.mantissa.low, parts.exponent.low);
  parts_of(v.high, parts.mantissa.high, parts.exponent.high);
  return parts;
}

#endif

TENON_ALWAYS_INLINE Vec negative(Vec v) {
  return sub(broadcast(-0.0f), v);
}

/// c[0] + c[1] v + …, by Horner's scheme.
template <int count>
TENON_ALWAYS_INLINE Vec polynomial(Vec v, const float (&c)[count]) {
  Vec sum = broadcast(c[count - 1]);
  for (int i = count - 2; i >= 0; --i) sum = fma(sum, v, broadcast(c[i]));
  return sum;
}

/// e^v = 2^power * (1 + rest), rest between -0.3 and 0.42.
struct Exponential {
  Vec power, rest;
};
TENON_ALWAYS_INLINE Exponential exponential(Vec v) {
  v = at_most(broadcast(104), at_least(broadcast(-104), v));
  const Vec power = round(mul(v, broadcast(1.44269504f)));
  // ln 2 in two parts, of which the first times any power is exact.
  const Vec r = fnma(power, broadcast(1.42860677e-6f), fnma(power, broadcast(0.693145752f), v));
  constexpr float c[] = {0.5f, 1.66666667e-1f, 4.16666667e-2f, 8.33333333e-3f, 1.38888889e-3f, 1.98412698e-4f};
  return {power, fma(mul(r, r), polynomial(r, c), r)};
}

TENON_ALWAYS_INLINE Vec exp(Vec v) {
  const Exponential e = exponential(v);
  return scale_by_power(add(broadcast(1), e.rest), e.power);
}

/// e^v - 1 for v up to 88.
TENON_ALWAYS_INLINE Vec expm1(Vec v) {
  const Exponential e = exponential(v);
  const Vec scale = scale_by_power(broadcast(1), e.power);
  return fma(scale, e.rest, sub(scale, broadcast(1)));
}

TENON_ALWAYS_INLINE Vec sigmoid(Vec v) {
  const Vec one = broadcast(1);
  return div(one, add(one, exp(negative(v))));
}

TENON_ALWAYS_INLINE Vec tanh(Vec v) {
  const Vec e = expm1(mul(abs(v), broadcast(-2)));
  return copy_sign(div(e, add(broadcast(2), e)), v);
}

/// 2 artanh(s) for |s| <= 1/3: log((1 + s) / (1 - s)).
TENON_ALWAYS_INLINE Vec twice_artanh(Vec s) {
  constexpr float c[] = {2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9, 2.0f / 11, 2.0f / 13, 2.0f / 15};
  const Vec square = mul(s, s);
  return fma(mul(s, square), polynomial(square, c), add(s, s));
}

TENON_ALWAYS_INLINE Vec log(Vec v) {
  const Vec infinity = broadcast(__builtin_inff()), one = broadcast(1);
  const Parts parts = parts_of(v);
  const Mask big = less(broadcast(1.41421356f), parts.mantissa);
  const Vec m = select(big, mul(parts.mantissa, broadcast(0.5f)), parts.mantissa);
  const Vec e = select(big, add(parts.exponent, one), parts.exponent);
  const Vec f = sub(m, one);
  const Vec s = div(f, add(m, one));
  // log m = f - s (f - 2 (s^2/3 + …)): the leading part, f, is exact.
  constexpr float c[] = {2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9, 2.0f / 11};
  const Vec square = mul(s, s);
  const Vec correction = mul(s, sub(f, mul(square, polynomial(square, c))));
  const Vec low = fma(e, broadcast(-2.12194440e-4f), sub(zero(), correction));
  Vec result = fma(e, broadcast(0.693359375f), add(f, low));
  result = select(less(v, infinity), result, v);  // infinity and NaN
  result = select(less(v, broadcast(1.4e-45f)), negative(infinity), result);
  return select(less(v, zero()), broadcast(__builtin_nanf("")), result);
}

/// log(1 + e^v)
TENON_ALWAYS_INLINE Vec softrelu(Vec v) {
  const Vec u = exp(negative(abs(v)));
  return add(at_least(zero(), v), twice_artanh(div(u, add(broadcast(2), u))));
}

TENON_ALWAYS_INLINE Vec erf(Vec v) {
  const Vec t = abs(v), square = mul(v, v);
  constexpr float near[] = {1.28379166e-1f,  -3.76125336e-1f, 1.12819925e-1f,
                            -2.67681349e-2f, 4.99119423e-3f,  -5.96761703e-4f};
  const Vec small = fma(polynomial(square, near), v, v);
  constexpr float far[] = {-1.28717512e-1f, -6.34846687e-1f, -1.06777877e-1f, 2.42546219e-2f,
                           -3.88396438e-3f, 3.83197126e-4f,  -1.72853470e-5f};
  const Vec clamped = at_most(broadcast(5), t);  // erf(5) is 1 in float
  const Vec exponent = fma(polynomial(clamped, far), clamped, negative(clamped));
  const Vec large = copy_sign(sub(broadcast(1), exp(exponent)), v);
  return select(less(broadcast(0.927734375f), t), large, small);
}

}  // namespace tenon::cpu::TENON_ISA
