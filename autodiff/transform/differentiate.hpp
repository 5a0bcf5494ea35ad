// Differentiate: reverse mode on a graph, yielding more nodes of the same graph, in ordinary ops (so that it
// can be differentiated again).
//
// Each op contributes its vjp; an op without one is replaced by its spec, which is differentiated. Iterates;
// never recurses over the graph.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// Adjoints of `wrt` for adjoints[i] of outputs[i] (same shape; an empty one means ones). A Var on which no
/// output depends gets zeros of its shape. All Vars belong to one graph, to which the reverse is appended;
/// its nodes take the location and scope of the forward nodes that they reverse. Throws std::invalid_argument
/// where shapes of outputs and adjoints differ, a Var is of another graph, or an output or one of wrt is
/// empty.
std::vector<Var> differentiate(std::span<const Var> outputs, std::span<const Var> adjoints,
                               std::span<const Var> wrt);

/// The gradient of one scalar (shape of size 1).
std::vector<Var> gradient(Var output, std::span<const Var> wrt);

}  // namespace autodiff
