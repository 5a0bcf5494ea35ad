// Tile programs: turns chains of elementwise ops, broadcasts and sums into one op each
// (ops/tile_program.hpp), with the same bits.
//
// A node is added to the program of its consumers if they all belong to one program (or to a few, if it is
// very cheap: each program computes it). Every value of a program must be the matrix of its largest shape, or
// a row, a column or a scalar of it; other nodes stay ordinary ops. Linear time in the nodes of the graph.
#pragma once
#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

/// inputs: all input nodes of the graph. The first `forward_outputs` outputs and the nodes they depend on are
/// fused only with each other, so that the save set can still be chosen afterwards. REQUIRES an empty
/// `target`.
Rewritten tile_programs(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target,
                        std::size_t forward_outputs = 0);

}  // namespace autodiff
