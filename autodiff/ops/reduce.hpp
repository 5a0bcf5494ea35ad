// Sums over axes and their counterpart, broadcasting. Summed axes keep an extent of 1, so results broadcast
// back against their source.
//
// Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include <initializer_list>

#include "autodiff/graph/graph.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

/// How many rows of C numbers a sum over rows adds in sequence; longer sums are divided into such chunks,
/// combined as a tree (combine_tree).
constexpr Index sum_chunk(Index C) { return std::max<Index>(16, kTileElements / C); }

/// Sum over axes [begin, end); x [.., n, ..] -> [.., 1, ..].
Var sum_range(Var x, int begin, int end, Location at = here());
/// Sum over any axes, each named once; they keep extent 1.
Var sum(Var x, std::initializer_list<int> axes, Location at = here());
/// Sum over all axes: a scalar of shape [].
Var sum_all(Var x, Location at = here());
Var mean(Var x, std::initializer_list<int> axes, Location at = here());
Var mean_all(Var x, Location at = here());
/// x broadcast to `shape`; x's shape must be compatible.
Var broadcast_to(Var x, Shape shape, Location at = here());
/// The reverse of broadcasting: sums x down to `shape`.
Var sum_to(Var x, Shape shape, Location at = here());

void register_reduce_ops();

// For passes: handles of these ops, and their attributes.

const OpDef& sum_op();
const OpDef& broadcast_op();

/// The axes [begin, end).
struct SumAttributes {
  int begin = 0, end = 0;
};

}  // namespace autodiff
