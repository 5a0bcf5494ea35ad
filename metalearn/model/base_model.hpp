// The base model: an MLP with batch norm, and phi, its weights, as Vars. Arrays are [unit, example].
//
// Specification sections 3.2 and 4. Golden vectors: tests/metalearn/reference_vectors_test.cpp.
#pragma once
#include <vector>

#include "autodiff/graph/graph.hpp"
#include "metalearn/model/rule_config.hpp"

namespace metalearn {

inline constexpr double kBaseBatchNormEpsilon = 1e-6;  ///< section 4

/// W[l-1], V[l-1] [N_{l-1}, N_l] and b[l-1] [N_l] for l = 1..L.
struct Phi {
  std::vector<autodiff::Var> W, V, b;
  /// All of them in the order of phi_spec().
  std::vector<autodiff::Var> flat() const;
  static Phi from_flat(const std::vector<autodiff::Var>& vars);
};

/// x[l] and z[l] [N_l, B], l = 0..L; z[0] is x[0].
struct Activity {
  std::vector<autodiff::Var> x, z;
};

/// x [N_0, B]; batch statistics over the B examples at hand. With dropout x is [N_0 + N_1 + .. + N_{L-1}, B]:
/// the rows after the inputs are masks that multiply x[1] .. x[L-1] (z[l] is unchanged), and x[0] is the
/// inputs.
Activity forward(const Phi& phi, autodiff::Var x, Activation act);

}  // namespace metalearn
