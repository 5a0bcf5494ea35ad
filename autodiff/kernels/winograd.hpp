// Winograd: a convolution of three taps by F(4, 3), which computes four neighbouring outputs (a quad) with
// six products instead of twelve; and its weight gradient.
//
// d0 .. d5 are the inputs at t-1 .. t+4 (zeros outside), w0 .. w2 the taps, matrices [C, O]; products at the
// points 0, +-a, +-b and infinity:
//   V0 = a2 b2 d0 - (a2 + b2) d2 + d4             U0 = w0 / (a2 b2)
//   V1, V2 = (d4 - b2 d2) +- a (d3 - b2 d1)       U1, U2 = (w0 + a2 w2 +- a w1) / (2 a2 (a2 - b2))
//   V3, V4 = (d4 - a2 d2) +- b (d3 - a2 d1)       U3, U4 = (w0 + b2 w2 +- b w1) / (2 b2 (b2 - a2))
//   V5 = a2 b2 d1 - (a2 + b2) d3 + d5             U5 = w2
//   with M_i = V_i U_i, e = M1 + M2, o = M1 - M2, E = M3 + M4, O = M3 - M4:
//   y(t) = e + E + M0,   y(t+1) = a o + b O,   y(t+2) = a2 e + b2 E,   y(t+3) = a3 o + b3 O + M5.
// In reverse, from the adjoints g0 .. g3 of four outputs, dU_i is the sum of V_i^T Y_i over all quads, and
// the adjoint of the taps follows from dU:
//   Y0 = g0,   Y1, Y2 = (g0 + a2 g2) +- (a g1 + a3 g3),   Y3, Y4 = (g0 + b2 g2) +- (b g1 + b3 g3),   Y5 = g3.
//
// a = 3/4 and b = 3/2: of the pairs tried (bench/winograd_points) these have the smallest rounding error,
// about twice that of direct convolution (the usual 1 and 2: 2.5 times), and every constant of V, y and Y is
// exact.
//
// Works in strips of quads whose V stay in cache. Every output is one sum over the channels of each product,
// with M0 and M5 added to the others; every element of dU is summed over the quads in order. Strips and tiles
// change no bit. Compiled once per level.
#pragma once
#include "autodiff/kernels/activate.hpp"
#include "autodiff/kernels/product.hpp"

namespace autodiff::kernels {
namespace {

/// The points, and the constants that follow from them by the formulas above.
template <class T>
struct Points {
  static constexpr T a = T(0.75), b = T(1.5), a2 = a * a, b2 = b * b, a3 = a2 * a, b3 = b2 * b,
                     product = a2 * b2, sum = a2 + b2;
  static constexpr T u0 = T(64.0 / 81), ua = T(-128.0 / 243),
                     ub = T(32.0 / 243);  // 1 / (a2 b2), 1 / (2 a2 (a2 - b2)), 1 / (2 b2 (b2 - a2))
};

/// c x + y with the constant in all lanes.
template <class V, class T>
AUTODIFF_INLINE V scaled(T c, V x, V y) {
  return fma(broadcast<V>(c), x, y);
}

/// The most numbers in the V of a strip, and its most rows: fits the second-level cache.
constexpr Index kStrip = 18432;
constexpr Index kMostRows = 96;

/// The same for the reverse, where long sums are faster.
constexpr Index kReverseStrip = 32768;
constexpr Index kMostReverseRows = 256;

/// Rows of a tile of one vector, which holds four sums per row.
constexpr int kQuadRows = kBytes == 64 ? 6 : 3;

/// Calls f.operator()<V, whole>(n, columns) on blocks of one vector that cover 0 <= n < N; the last may be
/// partial, and half a vector if that is enough.
template <class T, class F>
AUTODIFF_INLINE void over_vectors(Index N, const F& f) {
  using V = Vec<T, kBytes>;
  constexpr Index W = kWidth<T, V>;
  Index n = 0;
  for (; N - n >= W; n += W) f.template operator()<V, true>(n, W);
  if (n == N) return;
  if constexpr (kBytes == 64) {
    if (N - n == W / 2) return f.template operator()<Vec<T, kBytes / 2>, true>(n, N - n);
    if (N - n < W / 2) return f.template operator()<Vec<T, kBytes / 2>, false>(n, N - n);
  }
  f.template operator()<V, false>(n, N - n);
}

/// Computes the V of quads [first, last): V_i is at offset i * plane, the next quad at offset `pitch`. Both
/// are multiples of the vector width; the padding of the channels is arbitrary.
template <class T>
void quad_inputs(const Quads<T>& p, Index first, Index last, T* v, Index pitch, Index plane) {
  using K = Points<T>;
  const Index row = p.row, step = p.step, run = p.run;
  const bool before = p.before, after = p.after,
             follows =
                 row == 4 * step;  // follows: within a run, d0 and d1 are d4 and d5 of the previous quad
  with_addends(p.x, [&]<int addends>() {
    over_vectors<T>(p.C, [=, &p]<class V, bool whole>(Index c, Index columns) {
      const ActivatedReader<T, V, 1, addends, whole> reader(p.x, c, columns);
      const auto read = [&](Index at) { return reader(at).v[0]; };
      V d0{}, d1{};
      Index in_run = first % run, at = first * row;
      T* to = v + c;
      for (Index r = first; r < last; ++r, at += row, to += pitch) {
        if (!follows || in_run == 0 || r == first) {
          d0 = before || in_run > 0 ? read(at - step) : V{};
          d1 = read(at);
        }
        if (++in_run == run) in_run = 0;
        const V d2 = read(at + step), d3 = read(at + 2 * step), d4 = read(at + 3 * step),
                d5 = after || in_run > 0 ? read(at + 4 * step) : V{};
        const V even_a = scaled(-K::b2, d2, d4), odd_a = scaled(-K::b2, d1, d3),
                even_b = scaled(-K::a2, d2, d4), odd_b = scaled(-K::a2, d1, d3);
        store(scaled(K::product, d0, scaled(-K::sum, d2, d4)), to);
        store(scaled(K::a, odd_a, even_a), to + plane);
        store(scaled(-K::a, odd_a, even_a), to + 2 * plane);
        store(scaled(K::b, odd_b, even_b), to + 3 * plane);
        store(scaled(-K::b, odd_b, even_b), to + 4 * plane);
        store(scaled(K::product, d1, scaled(-K::sum, d3, d5)), to + 5 * plane);
        d0 = d4;
        d1 = d5;
      }
    });
  });
}

template <class V, class T>
AUTODIFF_INLINE V load_columns(const T* from, Index columns) {
  return columns == kWidth<T, V> ? load<V>(from) : load_first<V>(from, columns);
}
template <class V, class T>
AUTODIFF_INLINE void store_columns(V v, T* to, Index columns) {
  if (columns == kWidth<T, V>)
    store(v, to);
  else
    store_first(v, to, columns);
}

/// U is laid out [block of columns, C, 6, columns of a vector], so that a tile reads it in one stream;
/// missing columns are zeros.
template <class T>
void winograd_weights(Index C, Index O, const T* w, T* u) {
  using K = Points<T>;
  over_vectors<T>(O, [=]<class V, bool>(Index n, Index columns) {
    constexpr Index W = kWidth<T, V>;
    T* to = u + 6 * C * n;
    for (Index c = 0; c < C; ++c, to += 6 * W) {
      const T* from = w + c * O + n;
      const V w0 = load_columns<V>(from, columns), w1 = load_columns<V>(from + C * O, columns),
              w2 = load_columns<V>(from + 2 * C * O, columns);
      const V even_a = scaled(K::a2, w2, w0) * K::ua, odd_a = w1 * (K::a * K::ua),
              even_b = scaled(K::b2, w2, w0) * K::ub, odd_b = w1 * (K::b * K::ub);
      store(V(w0 * K::u0), to);
      store(V(even_a + odd_a), to + W);
      store(V(even_a - odd_a), to + 2 * W);
      store(V(even_b + odd_b), to + 3 * W);
      store(V(even_b - odd_b), to + 4 * W);
      store(w2, to + 5 * W);
    }
  });
}

/// Computes the outputs of a strip from its V, laid out as [row, 6, pitch]: output i of row r at y + i *
/// apart + r * ldy.
template <class T>
struct QuadOutputs {
  Index rows, C;
  const T *v, *u, *bias;
  T* y;
  Index apart, ldy;
};

/// One step of R sums of a vector: sum[i] += v[i * kStride] row.
template <class T, class V, int R, Index kStride>
AUTODIFF_INLINE void multiply(const T* v, V row, V (&sum)[R]) {
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i) sum[i] = fma(broadcast<V>(v[i * kStride]), row, sum[i]);
}

/// R rows of one vector: the outputs are computed from four sums, and the last two products are added to two
/// of the outputs.
template <class T, class V, int R, Index kPitch>
AUTODIFF_INLINE void quad_tile(const QuadOutputs<T>& p, Index m, Index n, Index columns) {
  using K = Points<T>;
  constexpr Index W = kWidth<T, V>, stride = 6 * kPitch;
  const T* const v0 = p.v + m * stride;
  const T* const u0 = p.u + 6 * p.C * n;
  V y0[R] = {}, y1[R] = {}, y2[R] = {}, y3[R] = {};
  const T *v = v0, *u = u0;
  for (Index k = p.C; k > 0; --k, ++v, u += 6 * W) {
    multiply<T, V, R, stride>(v + kPitch, load<V>(u + W), y0);
    multiply<T, V, R, stride>(v + 2 * kPitch, load<V>(u + 2 * W), y1);
    multiply<T, V, R, stride>(v + 3 * kPitch, load<V>(u + 3 * W), y2);
    multiply<T, V, R, stride>(v + 4 * kPitch, load<V>(u + 4 * W), y3);
  }
  const V bias = p.bias ? load_columns<V>(p.bias + n, columns) : V{};
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
    const V even_a = y0[i] + y1[i], odd_a = y0[i] - y1[i], even_b = y2[i] + y3[i], odd_b = y2[i] - y3[i];
    y0[i] = even_a + even_b + bias;
    y1[i] = scaled(K::a, odd_a, scaled(K::b, odd_b, bias));
    y2[i] = scaled(K::a2, even_a, scaled(K::b2, even_b, bias));
    y3[i] = scaled(K::a3, odd_a, scaled(K::b3, odd_b, bias));
  }
  v = v0;
  u = u0;
  for (Index k = p.C; k > 0; --k, ++v, u += 6 * W) {
    multiply<T, V, R, stride>(v, load<V>(u), y0);
    multiply<T, V, R, stride>(v + 5 * kPitch, load<V>(u + 5 * W), y3);
  }
  T* y = p.y + m * p.ldy + n;
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i, y += p.ldy) {
    store_columns(y0[i], y, columns);
    store_columns(y1[i], y + p.apart, columns);
    store_columns(y2[i], y + 2 * p.apart, columns);
    store_columns(y3[i], y + 3 * p.apart, columns);
  }
}

/// All rows of one block of columns: tiles of R rows, then fewer. Not inlined: in one large function the
/// compiler does not keep the sums in registers.
template <class T, class V, int R, Index kPitch>
__attribute__((noinline)) void quad_rows(const QuadOutputs<T>& p, Index n, Index columns, Index m) {
  for (; m + R <= p.rows; m += R) quad_tile<T, V, R, kPitch>(p, m, n, columns);
  if constexpr (R > 1) {
    if (m < p.rows) quad_rows<T, V, (R > 4 ? 4 : R / 2), kPitch>(p, n, columns, m);
  }
}

template <class T, Index kPitch>
void winograd_strips(const Quads<T>& p, Index O, const T* u, const T* bias, T* y, Index apart, Index ldy) {
  alignas(64) T v[kStrip];
  constexpr Index fit = kStrip / (6 * kPitch), strip = fit < kMostRows ? fit : kMostRows;
  for (Index first = 0; first < p.rows; first += strip) {
    const Index last = first + strip < p.rows ? first + strip : p.rows;
    quad_inputs(p, first, last, v, 6 * kPitch, kPitch);
    const QuadOutputs<T> outputs{last - first, p.C, v, u, bias, y + first * ldy, apart, ldy};
    over_vectors<T>(O, [&]<class V, bool>(Index n, Index columns) {
      quad_rows<T, V, kQuadRows, kPitch>(outputs, n, columns, 0);
    });
  }
}

template <class T>
void winograd(const Quads<T>& p, Index O, const T* u, const T* bias, T* y, Index apart, Index ldy) {
  if (p.C <= 16) return winograd_strips<T, 16>(p, O, u, bias, y, apart, ldy);
  if (p.C <= 32) return winograd_strips<T, 32>(p, O, u, bias, y, apart, ldy);
  if (p.C <= 64) return winograd_strips<T, 64>(p, O, u, bias, y, apart, ldy);
  winograd_strips<T, kMostQuadChannels>(p, O, u, bias, y, apart, ldy);
}

/// Y1 .. Y4 of `rows` quads, planes of [rows, O].
template <class T>
void quad_adjoints(Index rows, Index O, const T* g, Index apart, Index ldg, T* y) {
  using K = Points<T>;
  const Index plane = rows * O;
  over_columns<T, 1>(O, [=]<class V, int>(Index n) {
    const T* from = g + n;
    T* to = y + n;
    for (Index r = 0; r < rows; ++r, from += ldg, to += O) {
      const V g0 = load<V>(from), g1 = load<V>(from + apart), g2 = load<V>(from + 2 * apart),
              g3 = load<V>(from + 3 * apart);
      const V even_a = scaled(K::a2, g2, g0), odd_a = scaled(K::a3, g3, V(g1 * K::a)),
              even_b = scaled(K::b2, g2, g0), odd_b = scaled(K::b3, g3, V(g1 * K::b));
      store(V(even_a + odd_a), to);
      store(V(even_a - odd_a), to + plane);
      store(V(even_b + odd_b), to + 2 * plane);
      store(V(even_b - odd_b), to + 3 * plane);
    }
  });
}

template <class T>
void winograd_reverse(const Quads<T>& p, Index O, const T* g, Index apart, Index ldg, T* du) {
  alignas(64) T v[kReverseStrip], y[kReverseStrip / 6 * 4];
  const Index C = p.C, pitch = (C + kLanes - 1) / kLanes * kLanes,
              fit = kReverseStrip / (6 * (pitch > O ? pitch : O)),
              strip = fit < kMostReverseRows ? fit : kMostReverseRows;
  for (Index first = 0; first < p.rows; first += strip) {
    const Index rows = first + strip < p.rows ? strip : p.rows - first;
    const T* const g0 = g + first * ldg;
    quad_inputs(p, first, first + rows, v, pitch, rows * pitch);
    quad_adjoints(rows, O, g0, apart, ldg, y);
    for (Index i = 0; i < 6; ++i) {
      const T* a = v + i * rows * pitch;
      const T* b = i == 0 ? g0 : i == 5 ? g0 + 3 * apart : y + (i - 1) * rows * O;
      product<T>({.M = C,
                  .N = O,
                  .K = rows,
                  .a = &a,
                  .a_row = 1,
                  .a_col = pitch,
                  .b = &b,
                  .ldb = i == 0 || i == 5 ? ldg : O,
                  .c = du + i * C * O,
                  .ldc = O,
                  .accumulate = true});
    }
  }
}

template <class T>
void winograd_weights_reverse(Index size, const T* du, T* dw) {
  using K = Points<T>;
  over_columns<T, 1>(size, [=]<class V, int>(Index i) {
    const V u1 = load<V>(du + size + i), u2 = load<V>(du + 2 * size + i), u3 = load<V>(du + 3 * size + i),
            u4 = load<V>(du + 4 * size + i);
    const V even_a = (u1 + u2) * K::ua, odd_a = (u1 - u2) * K::ua, even_b = (u3 + u4) * K::ub,
            odd_b = (u3 - u4) * K::ub;
    store(scaled(K::u0, load<V>(du + i), V(even_a + even_b)), dw + i);
    store(scaled(K::a, odd_a, V(odd_b * K::b)), dw + size + i);
    store(V(scaled(K::a2, even_a, V(even_b * K::b2)) + load<V>(du + 5 * size + i)), dw + 2 * size + i);
  });
}

}  // namespace
}  // namespace autodiff::kernels
