// Log-softmax over the last axis, and the cross-entropy based on it.
//
// Gradients: tests/autodiff/registry_test.cpp; values: tests/autodiff/softmax_test.cpp.
#pragma once
#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// x - log(sum(exp(x))) over the last axis; the largest entry is subtracted first, so that nothing overflows.
Var log_softmax(Var x, Location at = here());

/// -sum(targets * log_softmax(logits)), the mean over rows: a scalar. logits and targets [.., C]; rows of
/// targets sum to one (one-hot, for example).
Var softmax_cross_entropy(Var logits, Var targets, Location at = here());

void register_softmax_ops();

}  // namespace autodiff
