// Row chunks: divides sums over the rows of [.., C] into chunks that depend only on the shape, and combines
// them. For kernels of ops/.
#pragma once
#include <algorithm>
#include <cmath>

#include "autodiff/graph/shape.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

/// The rows of [.., C] and the chunks of their sums.
struct Rows {
  Index count, C, chunk, chunks;
};
inline Rows rows_of(const Shape& x) {
  const Index C = x[x.rank() - 1], count = x.size() / C, chunk = std::max<Index>(16, kTileElements / C);
  return {count, C, chunk, tile_count(count, chunk)};
}

/// Runs f(first row, rows) on every chunk.
template <class F>
void for_chunks(const Parallel& parallel, const Rows& r, F f) {
  for_tiles(parallel, r.chunks, [&](Index i) { f(i * r.chunk, std::min(r.chunk, r.count - i * r.chunk)); });
}

/// Sums f(first row, rows, accumulator) of all chunks into parts[0, size). parts: size numbers per chunk.
template <class T, class F>
void sum_chunks(const Parallel& parallel, const Rows& r, Index size, T* parts, F f) {
  for_chunks(parallel, r, [&](Index first, Index rows) {
    T* s = parts + first / r.chunk * size;
    std::fill_n(s, size, T(0));
    f(first, rows, s);
  });
  combine_tree(r.chunks, size, parts, [](Index n, T* a, const T* b) {
    for (Index i = 0; i < n; ++i) a[i] += b[i];
  });
}

/// rstd[c] = 1 / sqrt(variance[c] + eps).
template <class T>
void reciprocal_deviation(Index C, const T* variance, T eps, T* rstd) {
  for (Index c = 0; c < C; ++c) rstd[c] = T(1) / std::sqrt(variance[c] + eps);
}

}  // namespace autodiff
