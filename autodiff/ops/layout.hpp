// Ops that move elements without changing them: reshape, transpose, concat, slice, pad, zero_diagonal.
//
// Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// The same elements in C order, with another shape of the same size. A view: costs nothing.
Var reshape(Var x, Shape shape, Location at = here());
/// out's axis i is x's axis permutation[i].
Var transpose(Var x, std::vector<Index> permutation, Location at = here());
/// Swaps the two axes of a matrix.
Var transpose(Var x, Location at = here());
/// Concatenates operands along an axis; their other extents are equal.
Var concat(std::span<const Var> operands, int axis, Location at = here());
/// Elements [begin, end) along an axis.
Var slice(Var x, int axis, Index begin, Index end, Location at = here());
/// Zeros before and after along an axis. The reverse of slice.
Var pad(Var x, int axis, Index before, Index after, Location at = here());
/// A square matrix with its diagonal set to zero.
Var zero_diagonal(Var x, Location at = here());

void register_layout_ops();

// For passes: handles of these ops, and their attributes.

const OpDef& reshape_op();
const OpDef& transpose_op();
const OpDef& concat_op();
const OpDef& slice_op();
const OpDef& pad_op();

struct TransposeAttributes {
  std::vector<Index> permutation;
};
struct ConcatAttributes {
  int axis = 0;
};
struct SliceAttributes {
  int axis = 0;
  Index begin = 0, end = 0;
};
struct PadAttributes {
  int axis = 0;
  Index before = 0, after = 0;
};

}  // namespace autodiff
