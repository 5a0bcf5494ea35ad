// The meta-objective: a ridge regression fitted on one labelled batch and scored by cosine distance on
// another, differentiable in phi.
//
// Specification section 10. Golden vectors: tests/metalearn/reference_vectors_test.cpp.
#pragma once
#include "metalearn/model/base_model.hpp"

namespace metalearn {

struct Objective {
  autodiff::Var J;                       ///< scalar []
  autodiff::Var predictions;             ///< [n, columns], rows of unit length
  autodiff::Var features_a, features_b;  ///< [N_L, n]
  autodiff::Var v;                       ///< [N_L + 1, columns]
  autodiff::Var mse, penalty;            ///< the two parts of J
};

/// x [N_0, 2n], batch a then b; targets [2, n, columns] standardised: the classes and, in some training
/// tasks, coefficients of the augmentation. penalty: that of the ridge regression, 0.1 in the published code.
Objective meta_objective(const Phi& phi, autodiff::Var x, autodiff::Var targets, Activation act,
                         double penalty);

}  // namespace metalearn
