// Tile programs: runs of elementwise ops, broadcasts and sums become one op each (ops/tile_program.hpp), with
// the same bits.
//
// A node joins the program of its consumers when they all are in one (or, where it costs next to nothing, in
// a few: each computes it). Every value of a program must be the matrix of its largest shape, or a row, a
// column or a scalar of it; what does not fit stays as it is. Linear in the nodes of the graph.
#pragma once
#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

/// inputs: all input nodes of the graph. The first `forward_outputs` outputs and what they depend on are
/// fused with each other only, so that which of these values the rest reads can still be chosen afterwards.
/// `target` is empty.
Rewritten tile_programs(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target,
                        std::size_t forward_outputs = 0);

}  // namespace autodiff
