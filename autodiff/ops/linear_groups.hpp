// Linear groups: several linear readouts of the same x as one product, each in separate contiguous memory.
//
// Gradients: tests/autodiff/registry_test.cpp.
#pragma once
#include <span>

#include "autodiff/graph/graph.hpp"

namespace autodiff {

/// x [n, C] times w [C, O] plus b [O], the O columns in groups of `widths` -> [n * O]: group after group,
/// each a contiguous [n, width]. A group is then a view (slice, then reshape), and the adjoint of x is one
/// product with the adjoints of all groups.
Var linear_groups(Var x, Var w, Var b, std::span<const Index> widths, Location at = here());

void register_linear_groups_ops();

}  // namespace autodiff
