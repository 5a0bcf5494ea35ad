// Ops that move elements without changing them: reshape, transpose, concat, slice, pad, zero_diagonal.
//
// Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// The same elements in C order under another shape of the same size. Costs nothing.
Var reshape(Var x, Shape shape, Location at = here());
/// out's axis i is x's axis permutation[i].
Var transpose(Var x, std::vector<Index> permutation, Location at = here());
/// Swaps the two axes of a matrix.
Var transpose(Var x, Location at = here());
/// Operands one after the other along an axis; other extents equal.
Var concat(std::span<const Var> operands, int axis, Location at = here());
/// Elements [begin, end) along an axis.
Var slice(Var x, int axis, Index begin, Index end, Location at = here());
/// Zeros before and after along an axis. The reverse of slice.
Var pad(Var x, int axis, Index before, Index after, Location at = here());
/// A square matrix with its diagonal set to zero.
Var zero_diagonal(Var x, Location at = here());

}  // namespace autodiff
