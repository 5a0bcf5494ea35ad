// Product: the batch-reduce matrix product, in register tiles that hold a block of c during the whole sum.
//
// A tile is R rows of `count` vectors. It broadcasts one number of a at a time, so a may have any strides (nn
// and tn share the code). Long sums are split into passes, so that the part of b shared by all row tiles
// stays in cache; c carries the sum from pass to pass. Operands with an unfavourable layout are packed first:
// distant columns of a (tn) into one strip per row tile, and rows of b that are far apart or end within a
// vector into a panel as wide as a tile. The sum of an element runs over (term, k) in order for every tiling,
// pass and packing. Compiled once per level.
#pragma once
#include "autodiff/kernels/vector.hpp"

namespace autodiff::kernels {
namespace {

/// Rows of a tile: as many accumulators as fit in the registers next to the row of b and the number of a.
template <int count>
constexpr int kTileRows = kBytes == 64   ? 16 / count
                          : kBytes == 32 ? 12 / count
                                         : 8 / count;

/// The longest sum of one pass.
constexpr Index kPass = 256;

/// The part of the sum in one pass: terms [r0, r1), each over [k0, k1). The first pass starts from the bias,
/// the others from c.
struct Pass {
  Index r0, r1, k0, k1;
  bool first;
  Index sum() const { return (r1 - r0) * (k1 - k0); }
};

/// One block of columns of b for a pass, in place or packed.
template <class T>
struct Panel {
  const T* copy;  // null: in place
  Index ld;
  Index columns;  // of c; the copy is padded with zeros to whole vectors
  Index offset;   // in place: of its first column in b
};

/// How a tile reads its rows of a: with any strides, contiguous along the sum, or as a strip of R numbers for
/// each step of the sum.
enum class Rows { strided, contiguous, strip };

/// One pointer for every four rows, and three strides from it: as many registers as a tile of sixteen rows
/// can spare. The compiler would otherwise keep sixteen strides from one pointer in memory; hiding the origin
/// of a pointer prevents that.
#define AUTODIFF_KEEP_POINTER(pointer) __asm__("" : "+r"(pointer))

template <class T, class V, int R, int count, Rows rows>
AUTODIFF_INLINE void tile(const Product<T>& p, const Pass& pass, const T* strip, const Panel<T>& panel,
                          Index m, Index n) {
  constexpr Index W = kWidth<T, V>;
  const Index a_row = rows == Rows::strip ? 1 : p.a_row,
              a_col = rows == Rows::strip        ? R
                      : rows == Rows::contiguous ? 1
                                                 : p.a_col,
              ldb = panel.ld, ldc = p.ldc;
  T* const c = p.c + m * ldc + n;
  const bool whole = panel.columns == count * W;
  V sum[R][count];
  if (!pass.first || p.accumulate) {
    AUTODIFF_UNROLL for (int i = 0; i < R; ++i) {
      AUTODIFF_UNROLL for (int j = 0; j < count - 1; ++j) sum[i][j] = load<V>(c + i * ldc + j * W);
      const T* last = c + i * ldc + (count - 1) * W;
      sum[i][count - 1] = whole ? load<V>(last) : load_first<V>(last, panel.columns - (count - 1) * W);
    }
  } else {
    V init[count] = {};
    if (p.bias) {
      AUTODIFF_UNROLL for (int j = 0; j < count - 1; ++j) init[j] = load<V>(p.bias + n + j * W);
      const T* last = p.bias + n + (count - 1) * W;
      init[count - 1] = whole ? load<V>(last) : load_first<V>(last, panel.columns - (count - 1) * W);
    }
    AUTODIFF_UNROLL for (int j = 0; j < count; ++j) {
      AUTODIFF_UNROLL for (int i = 0; i < R; ++i) sum[i][j] = init[j];
    }
  }
  for (Index r = pass.r0; r < pass.r1; ++r) {
    constexpr int groups = (R + 3) / 4;
    const T* a[groups];
    AUTODIFF_UNROLL for (int g = 0; g < groups; ++g) {
      a[g] = rows == Rows::strip ? strip + (r - pass.r0) * (pass.k1 - pass.k0) * R + 4 * g
                                 : p.a[r] + (m + 4 * g) * a_row + pass.k0 * a_col;
      if (rows != Rows::strip) AUTODIFF_KEEP_POINTER(a[g]);
    }
    const T* b = panel.copy ? panel.copy + (r - pass.r0) * (pass.k1 - pass.k0) * ldb
                            : p.b[r] + panel.offset + pass.k0 * ldb;
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
    AUTODIFF_UNROLL for (int j = 0; j < count - 1; ++j) store(sum[i][j], c + i * ldc + j * W);
    T* last = c + i * ldc + (count - 1) * W;
    if (whole)
      store(sum[i][count - 1], last);
    else
      store_first(sum[i][count - 1], last, panel.columns - (count - 1) * W);
  }
}

/// Calls f.operator()<R>(m) on blocks of rows that cover 0 <= m < M: of R rows, then fewer.
template <int R, class F>
AUTODIFF_INLINE void over_rows(Index M, const F& f, Index m = 0) {
  for (; m + R <= M; m += R) f.template operator()<R>(m);
  if constexpr (R > 1) {
    constexpr int fewer = R > 8 ? 8 : R > 4 ? 4 : R / 2;
    if (m < M) over_rows<fewer>(M, f, m);
  }
}

/// Calls f.operator()<V, count>(n, columns) on blocks of columns that cover 0 <= n < N; the last may fill its
/// vectors only partly.
template <class T, class F>
AUTODIFF_INLINE void over_column_blocks(Index N, const F& f) {
  using V = Vec<T, kBytes>;
  constexpr Index
      W = kWidth<T, V>,
      half = kBytes == 64
                 ? W / 2
                 : 0;  // a vector of half the width takes half the time only if the widest is 64 bytes
  Index n = 0;
  for (; N - n > W + half; n += 2 * W) f.template operator()<V, 2>(n, N - n < 2 * W ? N - n : 2 * W);
  if (N - n > half) {
    f.template operator()<V, 1>(n, N - n < W ? N - n : W);
    n += W;
  }
  if constexpr (half > 0) {
    if (n < N) f.template operator()<Vec<T, kBytes / 2>, 1>(n, N - n);
  }
}

/// Distant rows of b map to few cache sets and each to its own page: packing pays if enough row tiles share
/// them.
AUTODIFF_INLINE bool worth_copying_b(Index M, Index bytes_apart) { return M >= 64 && bytes_apart >= 1024; }

/// Runs a pass by blocks of columns; f.operator()<V, count>(panel, n) does all rows of a block. A block that
/// does not fill its vectors is packed with padding.
template <class T, class F>
AUTODIFF_INLINE void over_panels(const Product<T>& p, const Pass& pass, const F& f) {
  over_column_blocks<T>(p.N, [&]<class V, int count>(Index n, Index columns) {
    constexpr Index W = kWidth<T, V>, width = count * W;
    const Index first = n / kPanel * kPanel;
    Panel<T> panel{nullptr, p.ldb, columns, n};
    if (p.panels)
      panel = {nullptr, p.N - first < kPanel ? p.N - first : kPanel, columns, first * p.K + n - first};
    if (columns == width && !worth_copying_b(p.M, panel.ld * Index(sizeof(T))))
      return f.template operator()<V, count>(panel, n);
    alignas(64) T copy[kPass * width];
    T* to = copy;
    for (Index r = pass.r0; r < pass.r1; ++r) {
      const T* from = p.b[r] + panel.offset + pass.k0 * panel.ld;
      for (Index k = pass.k0; k < pass.k1; ++k, from += panel.ld, to += width) {
        AUTODIFF_UNROLL for (int j = 0; j < count - 1; ++j) store(load<V>(from + j * W), to + j * W);
        const T* last = from + (count - 1) * W;
        store(columns == width ? load<V>(last) : load_first<V>(last, columns - (count - 1) * W),
              to + (count - 1) * W);
      }
    }
    f.template operator()<V, count>(Panel<T>{copy, width, columns, 0}, n);
  });
}

template <class T, Rows rows>
void run(const Product<T>& p, const Pass& pass) {
  over_panels(p, pass, [&]<class V, int count>(const Panel<T>& panel, Index n) {
    over_rows<kTileRows<count>>(
        p.M, [&]<int R>(Index m) { tile<T, V, R, count, rows>(p, pass, nullptr, panel, m, n); });
  });
}

/// Distant columns of a (tn), shared by many columns of b: packing pays.
template <class T>
bool worth_copying_a(const Product<T>& p) {
  return p.a_row == 1 && p.a_col * Index(sizeof(T)) >= 2048 && p.N >= 256 && p.M >= 16;
}

/// The same for such an a: it is packed first, a block of rows at a time, one strip per row tile.
template <class T>
__attribute__((noinline)) void run_strips(const Product<T>& p, const Pass& pass) {
  constexpr Index kBlock = 512 / Index(sizeof(T)),
                  kApart = 2;  // so that strips of neighbouring tiles start in different cache sets
  constexpr int R = kTileRows<2>;
  alignas(64) T strips[kBlock * (kPass + kApart)];
  const Index steps = pass.k1 - pass.k0, pitch = pass.sum() + kApart;
  for (Index m0 = 0; m0 < p.M; m0 += kBlock) {
    const Index M = p.M - m0 < kBlock ? p.M - m0 : kBlock;
    for (Index r = pass.r0, step = 0; r < pass.r1; ++r) {
      const T* a = p.a[r] + m0 + pass.k0 * p.a_col;
      for (Index k = 0; k < steps; ++k, ++step, a += p.a_col) {
        over_rows<R>(M, [&]<int Q>(Index m) {
          __builtin_memcpy(strips + m * pitch + step * Q, a + m, Q * sizeof(T));
        });
      }
    }
    over_panels(p, pass, [&]<class V, int count>(const Panel<T>& panel, Index n) {
      over_rows<R>(M, [&]<int Q>(Index m) {
        tile<T, V, Q, count, Rows::strip>(p, pass, strips + m * pitch, panel, m0 + m, n);
      });
    });
  }
}

template <class T>
void run_pass(const Product<T>& p, const Pass& pass) {
  if (worth_copying_a(p)) return run_strips(p, pass);
  if (p.a_col == 1) return run<T, Rows::contiguous>(p, pass);
  run<T, Rows::strided>(p, pass);
}

template <class T>
void product(const Product<T>& p) {
  if (p.K <= 0 || p.terms <= 0) return run<T, Rows::contiguous>(p, {0, 0, 0, 0, true});
  const Index together = p.K < kPass ? kPass / p.K : 1;  // short terms share a pass
  for (Index r = 0; r < p.terms; r += together) {
    const Index r1 = r + together < p.terms ? r + together : p.terms;
    for (Index k = 0; k < p.K; k += kPass) {
      const Index k1 = k + kPass < p.K ? k + kPass : p.K;
      run_pass(p, {r, r1, k, k1, r == 0 && k == 0});
    }
  }
}

}  // namespace
}  // namespace autodiff::kernels
