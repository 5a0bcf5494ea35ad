// Vector: fixed-width vectors of the compiler (GCC vector extensions) and the fused multiply-add, for code
// compiled once per level.
//
// A "vector" is Vec<T, bytes> or a plain T, so that one template serves full vectors and tails. Loads and
// stores need no alignment.
#pragma once
#include "autodiff/kernels/kernels.hpp"
#ifdef __FMA__
#include <immintrin.h>
#endif

#if defined(__clang__)
#define AUTODIFF_UNROLL _Pragma("unroll")
#define AUTODIFF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define AUTODIFF_UNROLL _Pragma("GCC unroll 64")
#define AUTODIFF_INDEPENDENT _Pragma("GCC ivdep")
#endif
#define AUTODIFF_INLINE inline __attribute__((always_inline))

namespace autodiff::kernels {
namespace {

/// Bytes of the widest vector at this level.
#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

template <class T, int bytes>
struct VecOf {
  typedef T type __attribute__((vector_size(bytes)));
};
template <class T, int bytes>
using Vec = typename VecOf<T, bytes>::type;

template <class T, class V>
constexpr Index kWidth = Index(sizeof(V) / sizeof(T));

template <class V, class T>
AUTODIFF_INLINE V load(const T* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class V, class T>
AUTODIFF_INLINE void store(V v, T* to) {
  __builtin_memcpy(to, &v, sizeof v);
}

/// All lanes x. (x - 0 keeps the sign of zero, which 0 + x does not.)
template <class V, class T>
AUTODIFF_INLINE V broadcast(T x) {
  return x - V{};
}

/// a * b + c, rounded once if the level has FMA; the same in vectors and scalar tails.
#ifdef __FMA__
AUTODIFF_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
AUTODIFF_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
AUTODIFF_INLINE Vec<float, 16> fma(Vec<float, 16> a, Vec<float, 16> b, Vec<float, 16> c) {
  return _mm_fmadd_ps(a, b, c);
}
AUTODIFF_INLINE Vec<float, 32> fma(Vec<float, 32> a, Vec<float, 32> b, Vec<float, 32> c) {
  return _mm256_fmadd_ps(a, b, c);
}
AUTODIFF_INLINE Vec<double, 16> fma(Vec<double, 16> a, Vec<double, 16> b, Vec<double, 16> c) {
  return _mm_fmadd_pd(a, b, c);
}
AUTODIFF_INLINE Vec<double, 32> fma(Vec<double, 32> a, Vec<double, 32> b, Vec<double, 32> c) {
  return _mm256_fmadd_pd(a, b, c);
}
#ifdef __AVX512F__
AUTODIFF_INLINE Vec<float, 64> fma(Vec<float, 64> a, Vec<float, 64> b, Vec<float, 64> c) {
  return _mm512_fmadd_ps(a, b, c);
}
AUTODIFF_INLINE Vec<double, 64> fma(Vec<double, 64> a, Vec<double, 64> b, Vec<double, 64> c) {
  return _mm512_fmadd_pd(a, b, c);
}
#endif
#else
template <class V>
AUTODIFF_INLINE V fma(V a, V b, V c) {
  return a * b + c;
}
#endif

/// The first n numbers, n < lanes of V; the other lanes are 0.
template <class V, class T>
AUTODIFF_INLINE V load_first(const T* from, Index n) {
  T lanes[kWidth<T, V>] = {};
  Index at = 0;
  AUTODIFF_UNROLL for (Index piece = kWidth<T, V> / 2; piece > 0; piece /= 2) {
    if (n & piece) {
      __builtin_memcpy(lanes + at, from + at, static_cast<std::size_t>(piece) * sizeof(T));
      at += piece;
    }
  }
  return load<V>(lanes);
}

/// Stores the first n lanes, n < lanes of V.
template <class V, class T>
AUTODIFF_INLINE void store_first(V v, T* to, Index n) {
  T lanes[kWidth<T, V>];
  store(v, lanes);
  Index at = 0;
  AUTODIFF_UNROLL for (Index piece = kWidth<T, V> / 2; piece > 0; piece /= 2) {
    if (n & piece) {
      __builtin_memcpy(to + at, lanes + at, static_cast<std::size_t>(piece) * sizeof(T));
      at += piece;
    }
  }
}

#ifdef __AVX512F__
AUTODIFF_INLINE __mmask16 first_lanes(Index n) { return static_cast<__mmask16>((1u << n) - 1); }
template <>
AUTODIFF_INLINE Vec<float, 64> load_first<Vec<float, 64>>(const float* from, Index n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), from);
}
template <>
AUTODIFF_INLINE Vec<float, 32> load_first<Vec<float, 32>>(const float* from, Index n) {
  return _mm256_maskz_loadu_ps(static_cast<__mmask8>(first_lanes(n)), from);
}
template <>
AUTODIFF_INLINE Vec<double, 64> load_first<Vec<double, 64>>(const double* from, Index n) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>(first_lanes(n)), from);
}
template <>
AUTODIFF_INLINE Vec<double, 32> load_first<Vec<double, 32>>(const double* from, Index n) {
  return _mm256_maskz_loadu_pd(static_cast<__mmask8>(first_lanes(n)), from);
}
template <>
AUTODIFF_INLINE void store_first(Vec<float, 64> v, float* to, Index n) {
  _mm512_mask_storeu_ps(to, first_lanes(n), v);
}
template <>
AUTODIFF_INLINE void store_first(Vec<float, 32> v, float* to, Index n) {
  _mm256_mask_storeu_ps(to, static_cast<__mmask8>(first_lanes(n)), v);
}
template <>
AUTODIFF_INLINE void store_first(Vec<double, 64> v, double* to, Index n) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>(first_lanes(n)), v);
}
template <>
AUTODIFF_INLINE void store_first(Vec<double, 32> v, double* to, Index n) {
  _mm256_mask_storeu_pd(to, static_cast<__mmask8>(first_lanes(n)), v);
}
#endif

/// A block of `count` vectors of one row.
template <class V, int count>
struct Block {
  V v[count];

  template <class T>
  static AUTODIFF_INLINE Block from(const T* p) {
    Block block;
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) block.v[j] = load<V>(p + j * kWidth<T, V>);
    return block;
  }
  template <class T>
  AUTODIFF_INLINE void to(T* p) const {
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) store(v[j], p + j * kWidth<T, V>);
  }
};

/// Calls f.operator()<V, count>(c) on column blocks that cover 0 <= c < C: as many as `most` of the widest
/// vectors, then fewer, then narrower ones, then one by one.
template <class T, int most, int bytes = kBytes, class F>
AUTODIFF_INLINE void over_columns(Index C, const F& f, Index c = 0) {
  using V = Vec<T, bytes>;
  constexpr Index W = kWidth<T, V>;
  if constexpr (most > 1 && bytes == kBytes) {
    for (; c + most * W <= C; c += most * W) f.template operator()<V, most>(c);
    if (c < C) over_columns<T, most / 2>(C, f, c);
  } else {
    for (; c + W <= C; c += W) f.template operator()<V, 1>(c);
    if constexpr (bytes > 16) {
      if (c < C) over_columns<T, 1, bytes / 2>(C, f, c);
    } else {
      for (; c < C; ++c) f.template operator()<T, 1>(c);
    }
  }
}

}  // namespace
}  // namespace autodiff::kernels
