// Gather: selects rows by index, and its reverse. Row numbers are run-time data, so that one plan serves
// every batch.
//
// Gradients: tests/autodiff/registry_test.cpp; values: tests/autodiff/gather_test.cpp.
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// out[i, ..] = x[rows[i], ..]; x [N, ..], rows [n] -> [n, ..]. Row numbers are rounded down; outside 0 ..
/// N-1 the row is NaN. Gives rows no gradient.
Var gather(Var x, Var rows, Location at = here());

/// out [N, ..], zero except for the sums out[rows[i], ..] += x[i, ..] in the order of i; x [n, ..], rows [n].
/// The reverse of gather.
Var scatter_add(Var x, Var rows, Index N, Location at = here());

/// labels [n] in 0 .. classes-1 as one-hot rows [n, classes].
Var one_hot(Var labels, Index classes, Location at = here());

void register_gather_ops();

}  // namespace autodiff
