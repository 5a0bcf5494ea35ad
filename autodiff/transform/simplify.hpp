// Simplify: copies the nodes that outputs need into a new graph; replaces ops without a kernel by their
// specs, merges equal nodes, folds constants and removes identities.
//
// Changes no value except folded constants (computed once, in double) and one sign: x + 0 and 1 * x + 0
// become x, which keeps the sign of a negative zero.
#pragma once
#include <span>

#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

/// inputs: input nodes of the source, all kept (in this order) even if unused. outputs: any nodes. The copy
/// is appended to `target`; a node whose only use a rule removed stays there unused. Throws
/// std::invalid_argument for an empty Var, a Var of another graph, or an input that is used but not listed.
Rewritten simplify(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target);

}  // namespace autodiff
