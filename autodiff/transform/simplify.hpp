// Simplify: copies what outputs need into a fresh graph, with specs in place of ops that have no kernel,
// equal nodes recorded once, and identities removed.
//
// Changes no value beyond what it folds (constants are computed once, in double), but for one sign: x + 0,
// and 1 * x + 0, become x, which keeps the sign of a negative zero.
#pragma once
#include <span>

#include "autodiff/transform/rewritten.hpp"

namespace autodiff {

/// inputs: input nodes of the source, all kept (in this order) even where unused. outputs: any nodes. The
/// copy is appended to `target`; where a rule above removed the only use of a node, that node stays, unused.
/// Throws std::invalid_argument for an empty Var, one of another graph, or an input that is used but not
/// listed.
Rewritten simplify(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target);

}  // namespace autodiff
