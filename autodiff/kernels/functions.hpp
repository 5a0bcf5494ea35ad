// Functions: exp, log and related functions of one number, written so that a loop over them vectorises.
//
// float: polynomials without branches or calls, within about 2 units in the last place, correct at infinities
// and NaN; denormal results are gradual, denormal inputs exact. double: the C library, whose bits do not
// depend on the level. Compiled once per level.
#pragma once
#include "autodiff/kernels/vector.hpp"

namespace autodiff::kernels {
namespace {

/// exp(x) = scale1 * scale2 * (1 + rest). Two powers of two, because their product may leave the range of
/// float where exp(x) does not.
struct ExpParts {
  float scale1, scale2, rest;
};

AUTODIFF_INLINE ExpParts exp_parts(float x) {
  x = x < -104.0f ? -104.0f : x;  // exp is 0 below, infinite above; a NaN passes both
  x = x > 89.0f ? 89.0f : x;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, kept in the low bits
  const float t = fma(x, 1.44269504f, kRound);
  const int n = __builtin_bit_cast(int, t) - __builtin_bit_cast(int, kRound);
  const float whole = t - kRound;
  float r = fma(whole, -0.693359375f, x);
  r = fma(whole, 2.12194440e-4f, r);
  // (exp(r) - 1 - r) / r^2 on |r| <= log(2) / 2, minimax.
  float q = 1.9875691500e-4f;
  q = fma(q, r, 1.3981999507e-3f);
  q = fma(q, r, 8.3334519073e-3f);
  q = fma(q, r, 4.1665795894e-2f);
  q = fma(q, r, 1.6666665459e-1f);
  q = fma(q, r, 5.0000001201e-1f);
  const int n1 = n >> 1, n2 = n - n1;
  return {__builtin_bit_cast(float, (n1 + 127) << 23), __builtin_bit_cast(float, (n2 + 127) << 23),
          fma(r * r, q, r)};
}

AUTODIFF_INLINE float exp_of(float x) {
  const ExpParts e = exp_parts(x);
  return (1.0f + e.rest) * e.scale1 * e.scale2;
}

/// exp(x) - 1 for x <= 0, without cancellation.
AUTODIFF_INLINE float expm1_of(float x) {
  const ExpParts e = exp_parts(x);
  const float scale = e.scale1 * e.scale2;
  return fma(scale, e.rest, scale - 1.0f);
}

/// log(x). x = 2^n * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
AUTODIFF_INLINE float log_of(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float scaled = tiny ? x * 8388608.0f : x;
  const unsigned bits = __builtin_bit_cast(
      unsigned, scaled);  // unsigned: the difference wraps for negative x, whose result is replaced below
  const int n = int(bits - 0x3f3504f3u) >> 23;  // relative to sqrt(1/2)
  const float f = __builtin_bit_cast(float, bits - (unsigned(n) << 23)) - 1.0f;
  const float whole = float(n) - (tiny ? 23.0f : 0.0f);
  float q = 7.0376836292e-2f;
  q = fma(q, f, -1.1514610310e-1f);
  q = fma(q, f, 1.1676998740e-1f);
  q = fma(q, f, -1.2420140846e-1f);
  q = fma(q, f, 1.4249322787e-1f);
  q = fma(q, f, -1.6668057665e-1f);
  q = fma(q, f, 2.0000714765e-1f);
  q = fma(q, f, -2.4999993993e-1f);
  q = fma(q, f, 3.3333331174e-1f);
  const float square = f * f;
  float rest = fma(q * f, square, whole * -2.12194440e-4f);
  rest = fma(square, -0.5f, rest);
  const float y = fma(whole, 0.693359375f, f + rest);
  const float infinity = __builtin_inff();
  const float edge = x == 0.0f ? -infinity
                               : (x < 0.0f ? __builtin_nanf("")
                                           : x);  // also infinity and NaN, which are their own logarithms
  return x > 0.0f && x < infinity ? y : edge;
}

/// log(1 + t) for 0 <= t <= 1: the rounding error of 1 + t is corrected to first order.
AUTODIFF_INLINE float log1p_of(float t) {
  const float u = 1.0f + t;
  return log_of(u) + (t - (u - 1.0f)) / u;
}

AUTODIFF_INLINE float tanh_of(float x) {
  const float magnitude = __builtin_fabsf(x);
  const float square = x * x;
  float q = -5.70498872745e-3f;  // (tanh(x) - x) / x^3 on |x| < 0.625, minimax
  q = fma(q, square, 2.06390887954e-2f);
  q = fma(q, square, -5.37397155531e-2f);
  q = fma(q, square, 1.33314422036e-1f);
  q = fma(q, square, -3.33332819422e-1f);
  const float small = fma(q * square, x, x);
  const float large = 1.0f - 2.0f / (exp_of(2.0f * magnitude) + 1.0f);
  return magnitude < 0.625f ? small : __builtin_copysignf(large, x);
}

AUTODIFF_INLINE float sqrt_of(float x) { return __builtin_sqrtf(x); }
AUTODIFF_INLINE float abs_of(float x) { return __builtin_fabsf(x); }

AUTODIFF_INLINE double exp_of(double x) { return __builtin_exp(x); }
AUTODIFF_INLINE double expm1_of(double x) { return __builtin_expm1(x); }
AUTODIFF_INLINE double log_of(double x) { return __builtin_log(x); }
AUTODIFF_INLINE double log1p_of(double x) { return __builtin_log1p(x); }
AUTODIFF_INLINE double tanh_of(double x) { return __builtin_tanh(x); }
AUTODIFF_INLINE double sqrt_of(double x) { return __builtin_sqrt(x); }
AUTODIFF_INLINE double abs_of(double x) { return __builtin_fabs(x); }

template <class T>
AUTODIFF_INLINE T sigmoid_of(T x) {
  const T e = exp_of(-abs_of(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

template <class T>
AUTODIFF_INLINE T softplus_of(T x) {
  return (x < T(0) ? T(0) : x) + log1p_of(exp_of(-abs_of(x)));
}

}  // namespace
}  // namespace autodiff::kernels
