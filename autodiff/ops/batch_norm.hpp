// Batch normalisation with local statistics, without scale.
//
// Specification section 2. Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// Mean and biased variance per channel over all axes but the last: x [.., C] -> [2, C].
Var moments(Var x, Location at = here());
/// (x - mean) / sqrt(variance + eps) + offset with given moments [2, C]; x [.., C], offset [C].
Var normalise(Var x, Var moments, Var offset, double eps, Location at = here());
/// normalise(x, moments(x), offset, eps).
Var batch_norm(Var x, Var offset, double eps, Location at = here());

}  // namespace autodiff
