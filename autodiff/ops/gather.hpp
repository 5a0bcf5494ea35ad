// Gather: rows picked by number, and its reverse. Row numbers are data, so that one plan serves every batch.
//
// Gradients: tests/autodiff/registry_test.cpp; values: tests/autodiff/gather_test.cpp.
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// out[i, ..] = x[rows[i], ..]; x [N, ..], rows [n] -> [n, ..]. A row number counts as its floor; outside 0
/// .. N-1 the row is NaN. No gradient to rows.
Var gather(Var x, Var rows, Location at = here());

/// out [N, ..], zero but for sums: out[rows[i], ..] += x[i, ..] in the order of i; x [n, ..], rows [n]. The
/// reverse of gather.
Var scatter_add(Var x, Var rows, Index N, Location at = here());

/// labels [n] in 0 .. classes-1 as one-hot rows [n, classes].
Var one_hot(Var labels, Index classes, Location at = here());

void register_gather_ops();

}  // namespace autodiff
