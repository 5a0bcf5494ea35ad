// Simplify: copies what outputs need into a fresh graph, with specs in place of ops that have no kernel, equal nodes recorded once, and identities removed.
//
// Never changes bits beyond what it folds: constants are computed once, in double.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// The nodes of another graph that stand for inputs and outputs of this one.
struct Simplified {
  std::vector<Var> inputs, outputs;
};

/// inputs: input nodes of the source, all kept (in this order) even where unused. outputs: any nodes. The copy is appended to `target`.
Simplified simplify(std::span<const Var> inputs, std::span<const Var> outputs, Graph& target);

}  // namespace autodiff
