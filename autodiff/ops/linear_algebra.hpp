// Solving symmetric positive definite systems, with a reverse that reuses the solve.
//
// Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// X = ((A + A^T) / 2)^-1 B by Cholesky; A [n, n] symmetric positive definite up to rounding, B [n, m] -> [n,
/// m]. If A is not positive definite the result is NaN.
Var spd_solve(Var a, Var b, Location at = here());

void register_linear_algebra_ops();
const OpDef& spd_solve_op();

}  // namespace autodiff
