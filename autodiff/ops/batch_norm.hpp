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

void register_batch_norm_ops();

// For passes: handles of these ops, and the attributes of all except moments.

const OpDef& moments_op();
const OpDef& normalise_op();
const OpDef& batch_norm_reverse_op();

struct NormaliseAttributes {
  double eps = 0;
};

}  // namespace autodiff
