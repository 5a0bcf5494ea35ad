// Tiles: the fixed grids into which kernels are divided. A grid depends only on shapes, never on the number
// of threads, and so do results.
#pragma once
#include <algorithm>
#include <functional>

#include "autodiff/graph/shape.hpp"
#include "autodiff/parallel/parallel.hpp"

namespace autodiff {

/// Numbers in an elementwise tile: two operands and a result fit in a 512 KiB cache.
inline constexpr Index kTileElements = 32768;

/// Runs f(i) for i < count, in parallel if there are threads.
template <class F>
void for_tiles(const Parallel& parallel, Index count, F&& f) {
  if (count == 1 || parallel.threads() == 1) {
    for (Index i = 0; i < count; ++i) f(i);
  } else {
    parallel.for_each(static_cast<std::size_t>(count), [&f](std::size_t i) { f(static_cast<Index>(i)); });
  }
}

/// How many pieces of `step` cover n.
constexpr Index tile_count(Index n, Index step) { return (n + step - 1) / step; }

/// Adds partial[1..count) into partial[0], each `size` numbers, as a fixed binary tree.
template <class T, class Add>
void combine_tree(Index count, Index size, T* partial, Add add) {
  for (Index gap = 1; gap < count; gap *= 2)
    for (Index i = 0; i + gap < count; i += 2 * gap)
      add(size, partial + i * size, partial + (i + gap) * size);
}

}  // namespace autodiff
