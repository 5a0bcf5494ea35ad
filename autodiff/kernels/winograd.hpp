// Winograd: a convolution of three taps as F(2, 3), which makes two neighbouring outputs with four products instead of six. And its weight gradient.
//
//   d0 .. d3 the inputs at t-1 .. t+2 (zeros outside):   V0 = d0 - d2   V1 = d1 + d2           V2 = d2 - d1           V3 = d1 - d3
//   w0 .. w2 the taps, matrices [C, O]:                  U0 = w0        U1 = (w0+w1+w2) / 2    U2 = (w0-w1+w2) / 2    U3 = -w2
//   y(t) = V1 U1 + V2 U2 + V0 U0,   y(t+1) = V1 U1 - V2 U2 + V3 U3.
// In reverse, from the adjoints g0, g1 of a pair:        Y0 = g0         Y1 = g0 + g1           Y2 = g0 - g1           Y3 = g1
//   dU_i = sum over pairs of V_i^T Y_i,   dw0 = dU0 + (dU1 + dU2) / 2,   dw1 = (dU1 - dU2) / 2,   dw2 = (dU1 + dU2) / 2 - dU3.
//
// Works in strips of pairs whose V stay in the cache. Every output is one sum over the channels of V1 plus or minus one of V2, to which the products of V0 or
// V3 are added in order of the channels; every element of dU is summed over the pairs in order. The strips and tiles change no bit. Compiled once per level.
#pragma once
#include "autodiff/kernels/activate.hpp"
#include "autodiff/kernels/product.hpp"

namespace autodiff::kernels {
namespace {

/// Numbers of the V of a strip, and its most rows: half of V and of U are in the first-level cache at a time.
constexpr Index kStrip = 12288;
constexpr Index kMostRows = 96;

/// The same in reverse, where long sums pay: V is in the second-level cache.
constexpr Index kReverseStrip = 32768;
constexpr Index kMostReverseRows = 256;

/// Rows of a tile, which holds two sums per output.
template <int count>
constexpr int kPairRows = (kBytes == 64 ? 12 : 6) / count;

/// The V of pairs [first, last): V_i of a pair i * plane on, the next pair `pitch` on.
template <class T>
void pair_inputs(const Pairs<T>& p, Index first, Index last, T* v, Index pitch, Index plane) {
  const Index row = p.row, step = p.step, run = p.run;
  const bool before = p.before, after = p.after, follows = row == 2 * step;  // follows: within a run, d0 and d1 are d2 and d3 of the pair before
  with_addends(p.x, [&]<int addends>() {
    over_columns<T, addends == 2 ? 1 : 2>(p.C, [=, &p]<class V, int count>(Index c) {
      constexpr Index W = kWidth<T, V>;
      const ActivatedReader<T, V, count, addends> read(p.x, c);
      const Block<V, count> zero{};
      Block<V, count> d0{}, d1{};
      Index in_run = first % run, at = first * row;
      T* to = v + c;
      for (Index r = first; r < last; ++r, at += row, to += pitch) {
        if (!follows || in_run == 0 || r == first) {
          d0 = before || in_run > 0 ? read(at - step) : zero;
          d1 = read(at);
        }
        if (++in_run == run) in_run = 0;
        const auto d2 = read(at + step), d3 = after || in_run > 0 ? read(at + 2 * step) : zero;
        AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
          store(V(d0.v[j] - d2.v[j]), to + j * W);
          store(V(d1.v[j] + d2.v[j]), to + j * W + plane);
          store(V(d2.v[j] - d1.v[j]), to + j * W + 2 * plane);
          store(V(d1.v[j] - d3.v[j]), to + j * W + 3 * plane);
        }
        d0 = d2;
        d1 = d3;
      }
    });
  });
}

/// The outputs of a strip with its V laid out [row, 4, pitch]: row r of the two at y0 + r * ldy and y1 + r * ldy.
template <class T>
struct PairOutputs {
  Index rows, C, O;
  const T *v, *u, *bias;
  T *y0, *y1;
  Index ldy;
};

/// One step of R sums of `count` vectors: sum[i] += v[i * kStride] row.
template <class T, class V, int R, int count, Index kStride>
AUTODIFF_INLINE void multiply(const T* v, const V (&row)[count], V (&sum)[R][count]) {
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
    const V x = broadcast<V>(v[i * kStride]);
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) sum[i][j] = fma(x, row[j], sum[i][j]);
  }
}

/// R rows of `count` vectors: the inner products (V1, V2), the outer ones (V0, V3) on top of what the outputs hold, or both.
template <class T, class V, int R, int count, Index kPitch, bool inner, bool outer>
AUTODIFF_INLINE void pair_tile(const PairOutputs<T>& p, Index m, Index n) {
  constexpr Index W = kWidth<T, V>;
  const Index C = p.C, O = p.O, ldy = p.ldy, plane = C * O;
  T* const y0 = p.y0 + m * ldy + n;
  T* const y1 = p.y1 + m * ldy + n;
  V first[R][count], second[R][count];
  if constexpr (inner) {
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
      const V init = p.bias ? load<V>(p.bias + n + j * W) : V{};
      AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
        first[i][j] = init;
        second[i][j] = V{};
      }
    }
    const T* v = p.v + m * 4 * kPitch + kPitch;
    const T* u = p.u + plane + n;
    for (Index k = 0; k < C; ++k, ++v, u += O) {
      multiply<T, V, R, count, 4 * kPitch>(v, Block<V, count>::from(u).v, first);
      multiply<T, V, R, count, 4 * kPitch>(v + kPitch, Block<V, count>::from(u + plane).v, second);
    }
    AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
        const V both = first[i][j] + second[i][j];
        second[i][j] = first[i][j] - second[i][j];
        first[i][j] = both;
      }
    }
  } else {
    AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
        first[i][j] = load<V>(y0 + i * ldy + j * W);
        second[i][j] = load<V>(y1 + i * ldy + j * W);
      }
    }
  }
  if constexpr (outer) {
    const T* v = p.v + m * 4 * kPitch;
    const T* u = p.u + n;
    for (Index k = 0; k < C; ++k, ++v, u += O) {
      multiply<T, V, R, count, 4 * kPitch>(v, Block<V, count>::from(u).v, first);
      multiply<T, V, R, count, 4 * kPitch>(v + 3 * kPitch, Block<V, count>::from(u + 3 * plane).v, second);
    }
  }
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
      store(first[i][j], y0 + i * ldy + j * W);
      store(second[i][j], y1 + i * ldy + j * W);
    }
  }
}

/// All rows of one block of columns: tiles of R rows, then of fewer. Not inlined: in one large function the compiler gives up keeping the sums in registers.
template <class T, class V, int R, int count, Index kPitch, bool inner, bool outer>
__attribute__((noinline)) void pair_rows(const PairOutputs<T>& p, Index n, Index m) {
  for (; m + R <= p.rows; m += R) pair_tile<T, V, R, count, kPitch, inner, outer>(p, m, n);
  if constexpr (R > 1) {
    constexpr int fewer = R > 8 ? 8 : R > 4 ? 4 : R / 2;
    if (m < p.rows) pair_rows<T, V, fewer, count, kPitch, inner, outer>(p, n, m);
  }
}

template <class T, Index kPitch>
void pair_outputs(const PairOutputs<T>& p) {
  over_columns<T, 2>(p.O, [&]<class V, int count>(Index n) {
    constexpr int R = kPairRows<count>;
    if constexpr (kPitch * kWidth<T, V> * count * 4 * Index(sizeof(T)) <= 16384) {
      pair_rows<T, V, R, count, kPitch, true, true>(p, n, 0);
    } else {  // half of U at a time, so that it stays in the first-level cache
      pair_rows<T, V, R, count, kPitch, true, false>(p, n, 0);
      pair_rows<T, V, R, count, kPitch, false, true>(p, n, 0);
    }
  });
}

template <class T, Index kPitch>
void winograd_strips(const Pairs<T>& p, Index O, const T* u, const T* bias, T* y0, T* y1, Index ldy) {
  alignas(64) T v[kStrip];
  constexpr Index fit = kStrip / (4 * kPitch), strip = fit < kMostRows ? fit : kMostRows;
  for (Index first = 0; first < p.rows; first += strip) {
    const Index last = first + strip < p.rows ? first + strip : p.rows;
    pair_inputs(p, first, last, v, 4 * kPitch, kPitch);
    pair_outputs<T, kPitch>({last - first, p.C, O, v, u, bias, y0 + first * ldy, y1 + first * ldy, ldy});
  }
}

/// f.operator()<pitch>() for the smallest pitch that holds C channels.
template <class F>
AUTODIFF_INLINE void with_pitch(Index C, const F& f) {
  if (C <= 16) return f.template operator()<16>();
  if (C <= 32) return f.template operator()<32>();
  if (C <= 64) return f.template operator()<64>();
  return f.template operator()<kMostPairChannels>();
}

template <class T>
void winograd(const Pairs<T>& p, Index O, const T* u, const T* bias, T* y0, T* y1, Index ldy) {
  with_pitch(p.C, [&]<Index kPitch>() { winograd_strips<T, kPitch>(p, O, u, bias, y0, y1, ldy); });
}

template <class T>
void winograd_weights(Index size, const T* w, T* u) {
  over_columns<T, 1>(size, [=]<class V, int>(Index i) {
    const V w0 = load<V>(w + i), w1 = load<V>(w + size + i), w2 = load<V>(w + 2 * size + i), outer = w0 + w2;
    store(w0, u + i);
    store(V((outer + w1) * T(0.5)), u + size + i);
    store(V((outer - w1) * T(0.5)), u + 2 * size + i);
    store(V(-w2), u + 3 * size + i);
  });
}

/// What a strip adds to du: V [4, rows, C], and row r of the adjoints at g0 + r * ldg and g1 + r * ldg.
template <class T>
struct PairAdjoints {
  Index rows, C, O;
  const T *v, *g0, *g1;
  Index ldg;
  T* du;
};

/// R channels of `count` vectors of dU1 and dU2 (inner), or of dU0 and dU3. Y is made in registers.
template <class T, class V, int R, int count, bool inner>
AUTODIFF_INLINE void reverse_tile(const PairAdjoints<T>& p, Index m, Index n) {
  constexpr Index W = kWidth<T, V>;
  const Index C = p.C, O = p.O, ldg = p.ldg, plane = p.rows * C;
  T* const du = p.du + m * O + n;
  T* const du_first = du + (inner ? C * O : 0);
  T* const du_second = du + (inner ? 2 : 3) * C * O;
  V first[R][count], second[R][count];
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
      first[i][j] = load<V>(du_first + i * O + j * W);
      second[i][j] = load<V>(du_second + i * O + j * W);
    }
  }
  const T* v_first = p.v + m + (inner ? plane : 0);
  const T* v_second = p.v + m + (inner ? 2 : 3) * plane;
  const T *g0 = p.g0 + n, *g1 = p.g1 + n;
  for (Index r = 0; r < p.rows; ++r, v_first += C, v_second += C, g0 += ldg, g1 += ldg) {
    V y_first[count], y_second[count];
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
      const V left = load<V>(g0 + j * W), right = load<V>(g1 + j * W);
      y_first[j] = inner ? left + right : left;
      y_second[j] = inner ? left - right : right;
    }
    multiply<T, V, R, count, 1>(v_first, y_first, first);
    multiply<T, V, R, count, 1>(v_second, y_second, second);
  }
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
      store(first[i][j], du_first + i * O + j * W);
      store(second[i][j], du_second + i * O + j * W);
    }
  }
}

template <class T, class V, int R, int count, bool inner>
__attribute__((noinline)) void reverse_channels(const PairAdjoints<T>& p, Index n, Index m) {
  for (; m + R <= p.C; m += R) reverse_tile<T, V, R, count, inner>(p, m, n);
  if constexpr (R > 1) {
    constexpr int fewer = R > 8 ? 8 : R > 4 ? 4 : R / 2;
    if (m < p.C) reverse_channels<T, V, fewer, count, inner>(p, n, m);
  }
}

/// The same where the registers don't hold two sums per element beside their operands: a product at a time, Y1 and Y2 in memory. The same sums in the same order.
template <class T>
void reverse_products(const PairAdjoints<T>& p) {
  alignas(64) T y[kReverseStrip / 2];
  const Index rows = p.rows, C = p.C, O = p.O, ldg = p.ldg;
  T *const sum = y, *const difference = y + rows * O;
  over_columns<T, 2>(O, [=, &p]<class V, int count>(Index n) {
    for (Index r = 0; r < rows; ++r) {
      auto plus = Block<V, count>::from(p.g0 + r * ldg + n), minus = plus;
      const auto other = Block<V, count>::from(p.g1 + r * ldg + n);
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
        plus.v[j] += other.v[j];
        minus.v[j] -= other.v[j];
      }
      plus.to(sum + r * O + n);
      minus.to(difference + r * O + n);
    }
  });
  const T* const factors[] = {p.g0, sum, difference, p.g1};
  for (Index i = 0; i < 4; ++i) {
    const T* a = p.v + i * rows * C;
    product<T>({.M = C, .N = O, .K = rows, .a = &a, .a_row = 1, .a_col = C, .b = factors + i, .ldb = i == 1 || i == 2 ? O : ldg, .c = p.du + i * C * O, .ldc = O, .accumulate = true});
  }
}

template <class T>
void winograd_reverse(const Pairs<T>& p, Index O, const T* g0, const T* g1, Index ldg, T* du) {
  alignas(64) T v[kReverseStrip];
  const Index C = p.C, fit = kReverseStrip / (4 * (C > O ? C : O)), strip = fit < kMostReverseRows ? fit : kMostReverseRows;
  for (Index first = 0; first < p.rows; first += strip) {
    const Index rows = first + strip < p.rows ? strip : p.rows - first;
    pair_inputs(p, first, first + rows, v, C, rows * C);
    const PairAdjoints<T> adjoints{rows, C, O, v, g0 + first * ldg, g1 + first * ldg, ldg, du};
    if constexpr (kBytes == 64) {
      over_columns<T, 2>(O, [&]<class V, int count>(Index n) {
        reverse_channels<T, V, kPairRows<count>, count, true>(adjoints, n, 0);
        reverse_channels<T, V, kPairRows<count>, count, false>(adjoints, n, 0);
      });
    } else {
      reverse_products(adjoints);
    }
  }
}

template <class T>
void winograd_weights_reverse(Index size, const T* du, T* dw) {
  over_columns<T, 1>(size, [=]<class V, int>(Index i) {
    const V u1 = load<V>(du + size + i), u2 = load<V>(du + 2 * size + i), even = (u1 + u2) * T(0.5);
    store(V(load<V>(du + i) + even), dw + i);
    store(V((u1 - u2) * T(0.5)), dw + size + i);
    store(V(even - load<V>(du + 3 * size + i)), dw + 2 * size + i);
  });
}

}  // namespace
}  // namespace autodiff::kernels
