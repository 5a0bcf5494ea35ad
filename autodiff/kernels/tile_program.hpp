// Tile program: the kernels of instructions on a tile of rows and columns, with operands that may be
// broadcast along either.
//
// Narrow rows (a few channels) are the common case. Their broadcast operands are first expanded into a small
// buffer, so that arithmetic always runs over contiguous memory. Compiled once per level.
#pragma once
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/rows.hpp"

namespace autodiff::kernels {
namespace {

constexpr Index kNarrow = 16;     // rows shorter than this are expanded
constexpr Index kShortRow = 256;  // rows shorter than this are gone down a column block at a time; longer
                                  // ones one after the other, as memory is
constexpr Index kBufferElements = 512;  // of an expanded operand: small relative to the first-level cache

/// The simplified kind if there is only one row or one column.
AUTODIFF_INLINE BroadcastKind flattened(BroadcastKind w, Index rows, Index cols) {
  if (w == BroadcastKind::row) return rows == 1 ? BroadcastKind::full : w;
  if (w == BroadcastKind::column)
    return cols == 1 ? BroadcastKind::full : (rows == 1 ? BroadcastKind::scalar : w);
  return w;
}

/// y[r*cols + c] = x[c] (row) or x[r] (column), cols <= width <= kNarrow. Writes up to `width` numbers beyond
/// the end of y.
template <int width, class T>
AUTODIFF_INLINE void stretch_rows(Index rows, Index cols, const T* x, BroadcastKind kind, T* y) {
  constexpr int kPart = int(width * sizeof(T)) < kBytes ? int(width * sizeof(T)) : kBytes;
  using V = Vec<T, kPart>;
  using Group = Block<V, int(width / kWidth<T, V>)>;
  Group group;
  if (kind == BroadcastKind::row) {
    T pattern[width] = {};
    for (Index c = 0; c < cols; ++c) pattern[c] = x[c];
    group = Group::from(pattern);
    for (Index r = 0; r < rows; ++r) group.to(y + r * cols);
  } else {
    for (Index r = 0; r < rows; ++r) {
      AUTODIFF_UNROLL for (auto& v : group.v) v = broadcast<V>(x[r]);
      group.to(y + r * cols);
    }
  }
}

template <class T>
AUTODIFF_INLINE void stretch_narrow(Index rows, Index cols, const T* x, BroadcastKind kind, T* y) {
  if (cols <= 4) return stretch_rows<4>(rows, cols, x, kind, y);
  if (cols <= 8) return stretch_rows<8>(rows, cols, x, kind, y);
  stretch_rows<kNarrow>(rows, cols, x, kind, y);
}

template <class T>
void stretch(Index rows, Index cols, const T* x, BroadcastKind kind, T* y) {
  kind = flattened(kind, rows, cols);
  if (kind == BroadcastKind::full) return map(rows * cols, x, y, [](T v) { return v; });
  if (kind == BroadcastKind::scalar) return unary(Unary::fill, rows * cols, x, y, *x, T(0));
  if (cols < kNarrow) {
    // The last rows separately: nothing may be written beyond them.
    const Index whole = rows - (kNarrow + cols - 1) / cols;
    if (whole > 0) stretch_narrow(whole, cols, x, kind, y);
    for (Index r = whole > 0 ? whole : 0; r < rows; ++r) {
      for (Index c = 0; c < cols; ++c) y[r * cols + c] = kind == BroadcastKind::row ? x[c] : x[r];
    }
    return;
  }
  for (Index r = 0; r < rows; ++r) {
    if (kind == BroadcastKind::row) {
      map(cols, x, y + r * cols, [](T v) { return v; });
    } else {
      unary(Unary::fill, cols, x, y + r * cols, x[r], T(0));
    }
  }
}

/// `count` vectors of a row, or one number of it in all lanes.
template <class V, int count, bool along, class T>
AUTODIFF_INLINE Block<V, count> load_along(const T* row, Index c) {
  if constexpr (along) {
    return Block<V, count>::from(row + c);
  } else {
    Block<V, count> block;
    AUTODIFF_UNROLL for (auto& v : block.v) v = broadcast<V>(*row);
    return block;
  }
}

/// z = f(x, y) along rows of at least one vector of four; x_along: x varies along a row.
template <bool x_along, bool y_along, class T, class F>
AUTODIFF_INLINE void map2_wide(Index rows, Index cols, const T* x, Index x_row, const T* y, Index y_row, T* z,
                               F f) {
  const auto run = [=](Index first, Index last) {
    over_columns<T, 4>(cols, [=]<class V, int count>(Index c) {
      for (Index r = first; r < last; ++r) {
        auto a = load_along<V, count, x_along>(x + r * x_row, c);
        const auto b = load_along<V, count, y_along>(y + r * y_row, c);
        AUTODIFF_UNROLL for (int j = 0; j < count; ++j) a.v[j] = f(a.v[j], b.v[j]);
        a.to(z + r * cols + c);
      }
    });
  };
  if (cols <= kShortRow) return run(0, rows);
  for (Index r = 0; r < rows; ++r) run(r, r + 1);
}

template <class T, class F>
AUTODIFF_INLINE void map2_rows(Index rows, Index cols, const T* x, BroadcastKind xw, const T* y,
                               BroadcastKind yw, T* z, F f) {
  xw = flattened(xw, rows, cols);
  yw = flattened(yw, rows, cols);
  const auto flat = [](BroadcastKind w) { return w == BroadcastKind::full || w == BroadcastKind::scalar; };
  if (flat(xw) && flat(yw))
    return map2(rows * cols, x, xw == BroadcastKind::full, y, yw == BroadcastKind::full, z, f);
  if (cols < kNarrow && cols % 4 != 0) {
    T x_buffer[kBufferElements + kNarrow], y_buffer[kBufferElements + kNarrow];
    const Index step = kBufferElements / cols;
    for (Index r = 0; r < rows; r += step) {
      const Index n = step < rows - r ? step : rows - r;
      const auto at = [=](const T* from, BroadcastKind w, T* buffer) -> const T* {
        if (w == BroadcastKind::full) return from + r * cols;
        if (w == BroadcastKind::scalar) return from;
        if (w == BroadcastKind::column || r == 0)
          stretch_narrow(n, cols, w == BroadcastKind::row ? from : from + r, w,
                         buffer);  // a row is the same in every block
        return buffer;
      };
      map2(n * cols, at(x, xw, x_buffer), xw != BroadcastKind::scalar, at(y, yw, y_buffer),
           yw != BroadcastKind::scalar, z + r * cols, f);
    }
    return;
  }
  const auto along = [](BroadcastKind w) { return w == BroadcastKind::full || w == BroadcastKind::row; };
  const auto row_step = [=](BroadcastKind w) {
    return w == BroadcastKind::full ? cols : Index(w == BroadcastKind::column);
  };
  const auto run = [&]<bool x_along, bool y_along>() {
    map2_wide<x_along, y_along>(rows, cols, x, row_step(xw), y, row_step(yw), z, f);
  };
  if (along(xw))
    return along(yw) ? run.template operator()<true, true>() : run.template operator()<true, false>();
  return along(yw) ? run.template operator()<false, true>() : run.template operator()<false, false>();
}

template <class T>
void binary_rows(Binary f, Index rows, Index cols, const T* x, BroadcastKind xw, const T* y, BroadcastKind yw,
                 T* z) {
  const auto run = [=](auto g) { map2_rows(rows, cols, x, xw, y, yw, z, g); };
  switch (f) {
    case Binary::add:
      return run([](auto a, auto b) { return a + b; });
    case Binary::sub:
      return run([](auto a, auto b) { return a - b; });
    case Binary::mul:
      return run([](auto a, auto b) { return a * b; });
    case Binary::div:
      return run([](auto a, auto b) { return a / b; });
    case Binary::gate:
      return run([](auto a, auto b) { return b > decltype(b){} ? a : decltype(a){}; });
  }
}

// ---- sums ---------------------------------------------------------------------------------------

template <int... i>
struct Indices {};
template <int n, int... i>
struct IndicesTo : IndicesTo<n - 1, n - 1, i...> {};
template <int... i>
struct IndicesTo<0, i...> {
  using Type = Indices<i...>;
};

/// a and b hold groups of 2 * half lanes. Returns the sums of the lower and the upper half of each group,
/// those of a before those of b.
template <int half, class V, int... i>
AUTODIFF_INLINE V folded(V a, V b, Indices<i...>) {
  return __builtin_shufflevector(a, b, (i / half * 2 * half + i % half)...) +
         __builtin_shufflevector(a, b, (i / half * 2 * half + i % half + half)...);
}

/// v[i] holds the lanes of row i, i < width; v[0] becomes the vector of all row sums. Lanes are added in the
/// order of sum().
template <int half, int width, class V>
AUTODIFF_INLINE void fold_rows(V* v) {
  AUTODIFF_UNROLL for (int k = 0; k < half; ++k) v[k] =
      folded<half>(v[2 * k], v[2 * k + 1], typename IndicesTo<width>::Type{});
  if constexpr (half > 1) fold_rows<half / 2, width>(v);
}

/// The sums of as many rows as a vector has lanes. Reads whole groups of kLanes numbers, so up to kLanes - 1
/// numbers beyond the last row. `whole`: full groups of a row; mask: 1 for the lanes of the last group that
/// hold numbers of the row.
template <class V, int kParts, class T>
AUTODIFF_INLINE V sums_of_rows(Index cols, Index whole, const Block<V, kParts>& mask, const T* x) {
  constexpr int W = int(kWidth<T, V>);
  V rows[W];
  AUTODIFF_UNROLL for (int r = 0; r < W; ++r) {
    V lanes[kParts] = {};
    for (Index c = 0; c < whole; c += kLanes) {
      AUTODIFF_UNROLL for (int p = 0; p < kParts; ++p) lanes[p] += load<V>(x + r * cols + c + p * W);
    }
    AUTODIFF_UNROLL for (int p = 0; p < kParts; ++p) lanes[p] +=
        mask.v[p] > V{} ? load<V>(x + r * cols + whole + p * W) : V{};
    AUTODIFF_UNROLL for (int half = kParts / 2; half > 0; half /= 2) {
      AUTODIFF_UNROLL for (int p = 0; p < half; ++p) lanes[p] += lanes[p + half];
    }
    rows[r] = lanes[0];
  }
  fold_rows<W / 2, W>(rows);
  return rows[0];
}

template <class T>
void sum_each_row(Index rows, Index cols, const T* x, T* y) {
  using V = Vec<T, kBytes>;
  constexpr Index W = kWidth<T, V>, kMostBuffered = 2 * kLanes;
  const Index rest = (cols - 1) % kLanes + 1, whole = cols - rest, read = whole + kLanes;
  T present[kLanes];
  for (Index l = 0; l < kLanes; ++l) present[l] = T(l < rest);
  const auto mask = Block<V, int(kLanes / W)>::from(present);
  Index r = 0;
  for (; (r + W - 1) * cols + read <= rows * cols && r + W <= rows; r += W)
    store(sums_of_rows(cols, whole, mask, x + r * cols), y + r);
  if (cols > kMostBuffered) {
    for (; r < rows; ++r) y[r] = sum(cols, x + r * cols);
    return;
  }
  T buffer[W * kMostBuffered + kLanes] = {}, sums[W];
  for (; r < rows; r += W) {
    const Index n = rows - r < W ? rows - r : W;
    for (Index i = 0; i < n * cols; ++i) buffer[i] = x[r * cols + i];
    store(sums_of_rows(cols, whole, mask, buffer), sums);
    for (Index i = 0; i < n; ++i) y[r + i] = sums[i];
  }
}

template <class T>
void sum_lanes(Index n, const T* x, Index at, T* lanes) {
  using V = Vec<T, kBytes>;
  constexpr Index W = kWidth<T, V>;
  for (; n > 0 && at % kLanes != 0; --n) lanes[at++ % kLanes] += *x++;
  V vectors[kLanes / W];
  __builtin_memcpy(vectors, lanes, sizeof vectors);
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    AUTODIFF_UNROLL for (Index j = 0; j < kLanes / W; ++j) vectors[j] += load<V>(x + i + j * W);
  }
  __builtin_memcpy(lanes, vectors, sizeof vectors);
  for (Index l = 0; i + l < n; ++l) lanes[l] += x[i + l];
}

}  // namespace
}  // namespace autodiff::kernels
