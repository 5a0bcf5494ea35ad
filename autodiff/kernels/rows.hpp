// Rows: reductions and normalisation over rows of a matrix, the transpose, and the sum of all numbers.
//
// Vector lanes hold columns; each column's sum runs over the rows in order. Mean, scale and accumulators stay
// in registers for a whole column block, so x is read once. Compiled once per level.
#pragma once
#include "autodiff/kernels/vector.hpp"

namespace autodiff::kernels {
namespace {

template <class T>
T sum(Index n, const T* x) {
  using V = Vec<T, kBytes>;
  constexpr Index W = kWidth<T, V>;
  static_assert(kLanes % W == 0);
  V vectors[kLanes / W] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    AUTODIFF_UNROLL for (Index j = 0; j < kLanes / W; ++j) vectors[j] += load<V>(x + i + j * W);
  }
  T lanes[kLanes];
  __builtin_memcpy(lanes, vectors, sizeof lanes);
  for (Index l = 0; i + l < n; ++l) lanes[l] += x[i + l];
  for (Index half = kLanes / 2; half > 0; half /= 2) {
    for (Index l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

/// Transposes four rows of four, in registers if they fit.
template <class T>
AUTODIFF_INLINE void transpose4(const T* x, Index ldx, T* y, Index ldy) {
  if constexpr (4 * sizeof(T) > kBytes) {
    AUTODIFF_UNROLL for (Index i = 0; i < 16; ++i) y[i / 4 * ldy + i % 4] = x[i % 4 * ldx + i / 4];
  } else {
    using V = Vec<T, 4 * sizeof(T)>;
    const V r0 = load<V>(x), r1 = load<V>(x + ldx), r2 = load<V>(x + 2 * ldx), r3 = load<V>(x + 3 * ldx);
    const V a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), b = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    const V c = __builtin_shufflevector(r0, r1, 2, 6, 3, 7), d = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    store(V(__builtin_shufflevector(a, b, 0, 1, 4, 5)), y);
    store(V(__builtin_shufflevector(a, b, 2, 3, 6, 7)), y + ldy);
    store(V(__builtin_shufflevector(c, d, 0, 1, 4, 5)), y + 2 * ldy);
    store(V(__builtin_shufflevector(c, d, 2, 3, 6, 7)), y + 3 * ldy);
  }
}

/// y[c*ldy + r] = x[r*ldx + c], in square blocks that fit the first-level cache on both sides.
template <class T>
void transpose(Index rows, Index cols, const T* x, Index ldx, T* y, Index ldy) {
  constexpr Index kBlock = 16;
  const auto block = [=](Index r0, Index r1, Index c0, Index c1) {
    Index c = c0;
    for (; c + 4 <= c1; c += 4) {
      Index r = r0;
      for (; r + 4 <= r1; r += 4) transpose4(x + r * ldx + c, ldx, y + c * ldy + r, ldy);
      for (; r < r1; ++r) {
        for (Index i = c; i < c + 4; ++i) y[i * ldy + r] = x[r * ldx + i];
      }
    }
    for (; c < c1; ++c) {
      for (Index r = r0; r < r1; ++r) y[c * ldy + r] = x[r * ldx + c];
    }
  };
  for (Index r = 0; r < rows; r += kBlock) {
    for (Index c = 0; c < cols; c += kBlock)
      block(r, r + kBlock < rows ? r + kBlock : rows, c, c + kBlock < cols ? c + kBlock : cols);
  }
}

template <class T>
void sum_rows(Index rows, Index cols, const T* x, Index ldx, T* s) {
  over_columns<T, 4>(cols, [=]<class V, int count>(Index c) {
    auto total = Block<V, count>::from(s + c);
    for (Index r = 0; r < rows; ++r) {
      const auto row = Block<V, count>::from(x + r * ldx + c);
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) total.v[j] += row.v[j];
    }
    total.to(s + c);
  });
}

/// s[c] += sum over r < rows of add(total, x[r*C + c]), where add returns the total plus one number. Four
/// totals per column, each over every fourth row, so that no addition waits for the previous one; they are
/// added in pairs. In blocks of 64 rows, so that memory is read in one stream.
template <class T, class Add>
AUTODIFF_INLINE void sum_side_by_side(Index rows, Index C, const T* x, T* s, const Add& add) {
  constexpr Index kBlock = 64, kTotals = 4;
  for (Index first = 0; first < rows; first += kBlock, x += kBlock * C) {
    const Index end = rows - first < kBlock ? rows - first : kBlock;
    over_columns<T, 1>(C, [=]<class V, int>(Index c) {
      V total[kTotals] = {};
      Index r = 0;
      for (; r + kTotals <= end; r += kTotals) {
        AUTODIFF_UNROLL for (Index i = 0; i < kTotals; ++i) total[i] =
            add.template operator()<V>(c, total[i], load<V>(x + (r + i) * C + c));
      }
      AUTODIFF_UNROLL for (Index i = 0; i < kTotals - 1; ++i) {
        if (r + i < end) total[i] = add.template operator()<V>(c, total[i], load<V>(x + (r + i) * C + c));
      }
      store(V(load<V>(s + c) + ((total[0] + total[1]) + (total[2] + total[3]))), s + c);
    });
  }
}

/// Computes the mean, then the squared deviations from it, with the rows in cache.
template <class T>
void moments(Index rows, Index C, const T* x, T* mean, T* squares) {
  for (Index c = 0; c < C; ++c) mean[c] = squares[c] = T(0);
  sum_side_by_side(rows, C, x, mean, []<class V>(Index, V total, V number) { return V(total + number); });
  for (Index c = 0; c < C; ++c) mean[c] /= T(rows);
  sum_side_by_side(rows, C, x, squares, [=]<class V>(Index c, V total, V number) {
    const V apart = number - load<V>(mean + c);
    return fma(apart, apart, total);
  });
}

template <class T, bool relu>
void normalise_rows(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset, T* y) {
  over_columns<T, 4>(C, [=]<class V, int count>(Index c) {
    const auto centre = Block<V, count>::from(mean + c);
    const auto scale = Block<V, count>::from(rstd + c);
    const auto shift = Block<V, count>::from(offset + c);
    for (Index r = 0; r < rows; ++r) {
      auto row = Block<V, count>::from(x + r * C + c);
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
        const V v = fma(V(row.v[j] - centre.v[j]), scale.v[j], shift.v[j]);
        if constexpr (relu) {
          row.v[j] = v <= V{} ? V{} : v;  // keeps a NaN, so that training detects it
        } else {
          row.v[j] = v;
        }
      }
      row.to(y + r * C + c);
    }
  });
}

template <class T>
void normalise(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset, bool relu,
               T* y) {
  if (relu) {
    normalise_rows<T, true>(rows, C, x, mean, rstd, offset, y);
  } else {
    normalise_rows<T, false>(rows, C, x, mean, rstd, offset, y);
  }
}

/// The reverse of the relu of a normalised number: dy where (x - mean) * rstd + offset > 0, else 0.
template <bool gated, class V>
AUTODIFF_INLINE V passed(V deviation, V scale, V shift, V dy) {
  if constexpr (!gated) return dy;
  return fma(deviation, scale, shift) > V{} ? dy : V{};
}

template <class T, bool gated>
void reverse_sums(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset, const T* dy,
                  T* s_dy, T* s_dyx) {
  over_columns<T, 4>(C, [=]<class V, int count>(Index c) {
    const auto centre = Block<V, count>::from(mean + c);
    const auto scale = Block<V, count>::from(rstd + c);
    const auto shift = Block<V, count>::from((gated ? offset : mean) + c);
    auto total_dy = Block<V, count>::from(s_dy + c);
    auto total_dyx = Block<V, count>::from(s_dyx + c);
    for (Index r = 0; r < rows; ++r) {
      const auto row = Block<V, count>::from(x + r * C + c);
      const auto row_dy = Block<V, count>::from(dy + r * C + c);
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
        const V deviation = row.v[j] - centre.v[j],
                open = passed<gated>(deviation, scale.v[j], shift.v[j], row_dy.v[j]);
        total_dy.v[j] += open;
        total_dyx.v[j] = fma(open, V(deviation * scale.v[j]), total_dyx.v[j]);
      }
    }
    total_dy.to(s_dy + c);
    total_dyx.to(s_dyx + c);
  });
}

template <class T>
void normalise_reverse_sums(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset,
                            const T* dy, T* s_dy, T* s_dyx) {
  if (offset) {
    reverse_sums<T, true>(rows, C, x, mean, rstd, offset, dy, s_dy, s_dyx);
  } else {
    reverse_sums<T, false>(rows, C, x, mean, rstd, offset, dy, s_dy, s_dyx);
  }
}

template <class T, bool gated>
void reverse_rows(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset,
                  const T* m_dy, const T* m_dyx, const T* dy, T* dx) {
  over_columns<T, 2>(C, [=]<class V, int count>(Index c) {
    const auto centre = Block<V, count>::from(mean + c);
    const auto scale = Block<V, count>::from(rstd + c);
    const auto shift = Block<V, count>::from((gated ? offset : mean) + c);
    const auto mean_dy = Block<V, count>::from(m_dy + c);
    const auto mean_dyx = Block<V, count>::from(m_dyx + c);
    for (Index r = 0; r < rows; ++r) {
      auto row = Block<V, count>::from(x + r * C + c);
      const auto row_dy = Block<V, count>::from(dy + r * C + c);
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
        const V deviation = row.v[j] - centre.v[j],
                open = passed<gated>(deviation, scale.v[j], shift.v[j], row_dy.v[j]);
        row.v[j] = scale.v[j] * fma(V(-(deviation * scale.v[j])), mean_dyx.v[j], V(open - mean_dy.v[j]));
      }
      row.to(dx + r * C + c);
    }
  });
}

template <class T>
void normalise_reverse(Index rows, Index C, const T* x, const T* mean, const T* rstd, const T* offset,
                       const T* m_dy, const T* m_dyx, const T* dy, T* dx) {
  if (offset) {
    reverse_rows<T, true>(rows, C, x, mean, rstd, offset, m_dy, m_dyx, dy, dx);
  } else {
    reverse_rows<T, false>(rows, C, x, mean, rstd, offset, m_dy, m_dyx, dy, dx);
  }
}

}  // namespace
}  // namespace autodiff::kernels
