// Sums over axes and their counterpart, broadcasting. Summed axes keep an extent of 1, so results broadcast
// back against their source.
//
// Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include <initializer_list>

#include "autodiff/graph/graph.hpp"
#include "autodiff/ops/loops/tiles.hpp"

namespace autodiff {

/// Rows of C numbers that a sum over rows adds one after the other; the sums of longer ones are those of such
/// chunks, combined as a tree (combine_tree).
constexpr Index sum_chunk(Index C) { return std::max<Index>(16, kTileElements / C); }

/// Sum over axes [begin, end); x [.., n, ..] -> [.., 1, ..].
Var sum_range(Var x, int begin, int end, Location at = here());
/// Sum over any axes, each named once, keeping them as 1.
Var sum(Var x, std::initializer_list<int> axes, Location at = here());
/// Sum over all axes: a scalar of shape [].
Var sum_all(Var x, Location at = here());
Var mean(Var x, std::initializer_list<int> axes, Location at = here());
Var mean_all(Var x, Location at = here());
/// x stretched to `shape`; x's shape broadcasts to it.
Var broadcast_to(Var x, Shape shape, Location at = here());
/// The reverse of broadcasting: sums x down to `shape`.
Var sum_to(Var x, Shape shape, Location at = here());

void register_reduce_ops();

// For passes: the ops that they recognise, and what their nodes carry.

const OpDef& sum_op();
const OpDef& broadcast_op();

/// The axes [begin, end).
struct SumAttributes {
  int begin = 0, end = 0;
};

}  // namespace autodiff
