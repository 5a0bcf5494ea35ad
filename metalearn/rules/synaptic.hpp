// A parametric synaptic rule in the manner of Bengio, Bengio, Cloutier and Gecsei (1992): a weight changes by
// a sum of products of its two neurons' activities and of itself, with learned coefficients; a modulatory
// signal measures how active the layer is. All hidden layers share one set of coefficients, the top layer has
// another.
//
// There is no top-down signal: what a layer learns depends only on its own input and output. It has about
// thirty parameters, the Metz rule thousands.
#pragma once
#include <array>

#include "metalearn/rules/update_rule.hpp"

namespace metalearn {

/// Terms of a weight from lower unit i to upper unit j, all means over the batch. x, y: the outputs of the
/// two units; p, q: the same standardised over the batch; u: the upper unit's potential z standardised; m:
/// the mean of y over the layer, standardised; w: the weight over its column's root mean square.
inline constexpr std::array kSynapticTerms = {"constant",   // 1
                                              "pre",        // x_i
                                              "post",       // y_j
                                              "hebb",       // p_i q_j
                                              "potential",  // p_i u_j
                                              "threshold",  // p_i q_j^2  (Bienenstock, Cooper and Munro 1982)
                                              "modulated",  // p_i q_j m
                                              "pre_w",      // x_i w
                                              "post_w",     // y_j w
                                              "oja",        // y_j^2 w
                                              "hebb_w",     // p_i q_j w
                                              "w"};
/// Terms of a bias.
inline constexpr std::array kSynapticBiasTerms = {"constant", "post", "square", "b"};  // 1, y_j, y_j^2, b_j

class SynapticRule : public UpdateRule {
 public:
  explicit SynapticRule(RuleConfig config) : c_(std::move(config)) {}
  /// {hidden, top}/{weight [12], bias [4]}: coefficients in the order of the terms.
  TensorList theta_spec() const override;
  std::vector<float> initial_theta(std::uint64_t seed) const override;
  /// With nrm of specification section 8.3:  c = nrm( sum_k coefficient_k nrm(term_k) ),  W <- (1 - lambda) W
  /// + lambda (c + w / 7), V by the same increment, b by its own as in section 8.4. Probe: terms/l/name,
  /// change/l.
  Phi step(const Theta& theta, const Phi& phi, autodiff::Var x, const Probe& probe) const override;

 private:
  RuleConfig c_;
};

}  // namespace metalearn
