// The unsupervised update rule of Metz et al. (ICLR 2019): a small network, shared by all neurons of all
// layers, that maps a neuron's activity to weight changes.
//
// Specification sections 3.1 and 5 to 9. Golden vectors: tests/metalearn/reference_vectors_test.cpp.
#pragma once
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {

class MetzRule : public UpdateRule {
 public:
  /// Throws std::invalid_argument for a size below 1 (Q and P: below 0, N_L: below 2).
  explicit MetzRule(RuleConfig config);
  TensorList theta_spec() const override;
  std::vector<float> initial_theta(std::uint64_t seed) const override;
  Phi step(const Theta& theta, const Phi& phi, autodiff::Var x, const Probe& probe) const override;

 private:
  RuleConfig c_;
};

}  // namespace metalearn
