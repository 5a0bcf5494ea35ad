// Differentiate: reverse mode on a graph. The reverse is appended to the same graph in ordinary ops, so it
// can be differentiated again.
//
// Each op contributes its vjp; an op without one is replaced by its spec, which is differentiated. Iterative:
// no recursion over the graph.
#pragma once
#include <span>
#include <vector>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// Adjoints of `wrt`, given adjoints[i] of outputs[i] (same shape; an empty Var means ones). A Var on which
/// no output depends gets zeros of its shape. All Vars belong to one graph, to which the reverse is appended;
/// its nodes take the location and scope of the forward nodes that they reverse. Throws std::invalid_argument
/// if an output and its adjoint differ in shape, a Var belongs to another graph, or an output or a Var of wrt
/// is empty.
std::vector<Var> differentiate(std::span<const Var> outputs, std::span<const Var> adjoints,
                               std::span<const Var> wrt);

/// The gradient of one scalar (shape of size 1).
std::vector<Var> gradient(Var output, std::span<const Var> wrt);

}  // namespace autodiff
