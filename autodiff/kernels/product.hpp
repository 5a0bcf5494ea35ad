// Product: the batch-reduce matrix product, as register tiles that hold a block of c over all of the sum.
//
// A tile is R rows of `count` vectors. It broadcasts one number of a at a time, so that any strides of a do (nn and tn are one code). Long sums are cut
// into passes, so that the part of b that all row tiles share stays in the first-level cache; c carries the sum from pass to pass. The sum of an element
// runs over (term, k) in order whatever the tile or the pass. Compiled once per level.
#pragma once
#include "autodiff/kernels/vector.hpp"

namespace autodiff::kernels {
namespace {

/// Rows of a tile: as many accumulators as the registers hold beside the row of b and the number of a.
template <int count>
constexpr int kTileRows = kBytes == 64 ? 16 / count : kBytes == 32 ? 12 / count : 8 / count;

/// Longest sum of one pass.
constexpr Index kPass = 256;

/// The part of the sum that one pass does: terms [r0, r1), each over [k0, k1). The first pass starts from the bias, the others from c.
struct Pass {
  Index r0, r1, k0, k1;
  bool first;
};

/// The rows of b that a pass needs of one block of columns, in place or copied together.
template <class T>
struct Panel {
  const T* copy;  // null: in place
  Index ld;
};

/// A pointer for every four rows, and three strides from it: as many registers as a tile of sixteen rows can spare. The compiler would rather keep
/// sixteen strides from one pointer, in memory; hiding where a pointer comes from prevents that.
#define AUTODIFF_KEEP_POINTER(pointer) __asm__("" : "+r"(pointer))

template <class T, class V, int R, int count, bool contiguous>
AUTODIFF_INLINE void tile(const Product<T>& p, const Pass& pass, const Panel<T>& panel, Index m, Index n) {
  constexpr Index W = kWidth<T, V>;
  const Index a_row = p.a_row, a_col = contiguous ? 1 : p.a_col, ldb = panel.ld, ldc = p.ldc;
  T* const c = p.c + m * ldc + n;
  V sum[R][count];
  if (!pass.first || p.accumulate) {
    AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) sum[i][j] = load<V>(c + i * ldc + j * W);
    }
  } else {
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
      const V init = p.bias ? load<V>(p.bias + n + j * W) : V{};
      AUTODIFF_UNROLL for (int i = 0; i < R; ++i) sum[i][j] = init;
    }
  }
  for (Index r = pass.r0; r < pass.r1; ++r) {
    constexpr int groups = (R + 3) / 4;
    const T* a[groups];
    AUTODIFF_UNROLL for (int g = 0; g < groups; ++g) {
      a[g] = p.a[r] + (m + 4 * g) * a_row + pass.k0 * a_col;
      AUTODIFF_KEEP_POINTER(a[g]);
    }
    const T* b = panel.copy ? panel.copy + (r - pass.r0) * (pass.k1 - pass.k0) * ldb : p.b[r] + pass.k0 * ldb + n;
    for (Index k = pass.k0; k < pass.k1; ++k, b += ldb) {
      V row[count];
      AUTODIFF_UNROLL for (int j = 0; j < count; ++j) row[j] = load<V>(b + j * W);
      AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
        const V x = broadcast<V>(a[i / 4][i % 4 * a_row]);
        AUTODIFF_UNROLL for (int j = 0; j < count; ++j) sum[i][j] = fma(x, row[j], sum[i][j]);
      }
      AUTODIFF_UNROLL for (int g = 0; g < groups; ++g) a[g] += a_col;
    }
  }
  AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) store(sum[i][j], c + i * ldc + j * W);
  }
}

/// All rows of one block of columns: tiles of R rows, then of fewer.
template <class T, class V, int R, int count, bool contiguous>
void column_block(const Product<T>& p, const Pass& pass, const Panel<T>& panel, Index n, Index m) {
  for (; m + R <= p.M; m += R) tile<T, V, R, count, contiguous>(p, pass, panel, m, n);
  if constexpr (R > 1) {
    constexpr int fewer = R > 8 ? 8 : R > 4 ? 4 : R / 2;
    if (m < p.M) column_block<T, V, fewer, count, contiguous>(p, pass, panel, n, m);
  }
}

/// Rows of b that lie far apart fall into few sets of the cache and each on its own page: worth copying when enough row tiles share them.
template <class T>
bool worth_copying(const Product<T>& p) {
  return p.M >= 4 * kTileRows<1> && p.ldb * Index(sizeof(T)) >= 1024;
}

template <class T>
void run(const Product<T>& p, const Pass& pass) {
  const bool copying = worth_copying(p);
  over_columns<T, 2>(p.N, [&]<class V, int count>(Index n) {
    constexpr Index width = count * kWidth<T, V>;
    alignas(64) T copy[kPass * width];
    Panel<T> panel{nullptr, p.ldb};
    if (copying) {
      T* to = copy;
      for (Index r = pass.r0; r < pass.r1; ++r) {
        for (Index k = pass.k0; k < pass.k1; ++k, to += width) Block<V, count>::from(p.b[r] + k * p.ldb + n).to(to);
      }
      panel = {copy, width};
    }
    if (p.a_col == 1) {
      column_block<T, V, kTileRows<count>, count, true>(p, pass, panel, n, 0);
    } else {
      column_block<T, V, kTileRows<count>, count, false>(p, pass, panel, n, 0);
    }
  });
}

template <class T>
void product(const Product<T>& p) {
  if (p.K <= 0 || p.terms <= 0) return run(p, {0, 0, 0, 0, true});
  const Index together = p.K < kPass ? kPass / p.K : 1;  // short terms share a pass
  for (Index r = 0; r < p.terms; r += together) {
    const Index r1 = r + together < p.terms ? r + together : p.terms;
    for (Index k = 0; k < p.K; k += kPass) {
      const Index k1 = k + kPass < p.K ? k + kPass : p.K;
      run(p, {r, r1, k, k1, r == 0 && k == 0});
    }
  }
}

}  // namespace
}  // namespace autodiff::kernels
