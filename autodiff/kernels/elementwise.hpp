// Elementwise: one plain loop per function of one or two operands; the compiler vectorises it.
//
// Every function is written for one number, so that tails give the same bits as full vectors. Multiply-adds
// are not fused here. Compiled once per level.
#pragma once
#include "autodiff/kernels/functions.hpp"

namespace autodiff::kernels {
namespace {

template <class T, class F>
AUTODIFF_INLINE void map(Index n, const T* x, T* y, F f) {
  AUTODIFF_INDEPENDENT
  for (Index i = 0; i < n; ++i) y[i] = f(x[i]);
}

template <class T>
void unary(Unary f, Index n, const T* x, T* y, T p, T q) {
  switch (f) {
    case Unary::copy:
      return map(n, x, y, [](T v) { return v; });
    case Unary::affine:
      return map(n, x, y, [p, q](T v) { return p * v + q; });
    case Unary::neg:
      return map(n, x, y, [](T v) { return -v; });
    case Unary::square:
      return map(n, x, y, [](T v) { return v * v; });
    case Unary::sqrt:
      return map(n, x, y, [](T v) { return sqrt_of(v); });
    case Unary::rsqrt:
      return map(n, x, y, [](T v) { return T(1) / sqrt_of(v); });
    case Unary::reciprocal:
      return map(n, x, y, [](T v) { return T(1) / v; });
    case Unary::exp:
      return map(n, x, y, [](T v) { return exp_of(v); });
    case Unary::log:
      return map(n, x, y, [](T v) { return log_of(v); });
    case Unary::abs:
      return map(n, x, y, [](T v) { return abs_of(v); });
    case Unary::sign:
      return map(n, x, y, [](T v) { return v > T(0) ? T(1) : (v < T(0) ? T(-1) : v); });  // NaN stays
    case Unary::step:
      return map(n, x, y, [](T v) { return v > T(0) ? T(1) : T(0); });
    case Unary::relu:
      return map(n, x, y, [](T v) { return v <= T(0) ? T(0) : v; });  // NaN stays
    case Unary::leaky_relu:
      return map(n, x, y, [p](T v) { return v > T(0) ? v : p * v; });
    case Unary::elu:
      return map(n, x, y, [](T v) { return v > T(0) ? v : expm1_of(v); });
    case Unary::sigmoid:
      return map(n, x, y, [](T v) { return sigmoid_of(v); });
    case Unary::tanh:
      return map(n, x, y, [](T v) { return tanh_of(v); });
    case Unary::softplus:
      return map(n, x, y, [](T v) { return softplus_of(v); });
    case Unary::fill:
      for (Index i = 0; i < n; ++i) y[i] = p;
      return;
  }
}

template <class T, class F>
AUTODIFF_INLINE void map2(Index n, const T* x, Index x_step, const T* y, Index y_step, T* z, F f) {
  if (n <= 0) return;
  if (x_step && y_step) {
    AUTODIFF_INDEPENDENT
    for (Index i = 0; i < n; ++i) z[i] = f(x[i], y[i]);
  } else if (x_step) {
    map(n, x, z, [f, right = *y](T left) { return f(left, right); });
  } else if (y_step) {
    map(n, y, z, [f, left = *x](T right) { return f(left, right); });
  } else {
    const T same = f(*x, *y);
    for (Index i = 0; i < n; ++i) z[i] = same;
  }
}

template <class T>
void binary(Binary f, Index n, const T* x, Index x_step, const T* y, Index y_step, T* z) {
  const auto run_map = [=](auto g) { map2(n, x, x_step, y, y_step, z, g); };
  switch (f) {
    case Binary::add:
      return run_map([](T a, T b) { return a + b; });
    case Binary::sub:
      return run_map([](T a, T b) { return a - b; });
    case Binary::mul:
      return run_map([](T a, T b) { return a * b; });
    case Binary::div:
      return run_map([](T a, T b) { return a / b; });
    case Binary::gate:
      return run_map([](T a, T b) { return b > T(0) ? a : T(0); });
  }
}

}  // namespace
}  // namespace autodiff::kernels
