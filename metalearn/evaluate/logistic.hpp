// LogisticRegression: multinomial logistic regression with an L2 penalty on its weights, not on its
// constants. One thread.
//
// Minimises  sum over examples of -log p(label) + penalty / 2 * |weights|^2  by accelerated gradient steps
// (Nesterov 1983, restarted where the momentum goes uphill: O'Donoghue and Candes 2015) in the metric of
// Boehning's (1992) bound on the curvature, 1/2 X^T X. X must be given in a basis in which X^T X is diagonal.
#pragma once
#include <cstdint>
#include <Eigen/Core>
#include <span>

namespace metalearn {

class LogisticRegression {
 public:
  /// spectrum [k]: diagonal of X^T X, an upper bound for any subset of the rows; examples: rows of X. Weights
  /// start at zero.
  LogisticRegression(Eigen::VectorXd spectrum, std::int64_t classes, std::int64_t examples);

  /// Continues from the current weights until the gradient's length, in the metric of the bound, is below
  /// tolerance * sqrt(n), or for 10000 steps; returns whether it converged. x [n, k], labels [n].
  bool fit(const Eigen::MatrixXd& x, std::span<const std::int32_t> labels, double penalty,
           double tolerance = 1e-4);
  /// [m, classes]: log odds.
  Eigen::MatrixXd scores(const Eigen::MatrixXd& x) const;
  /// Sum of -log p(label).
  double loss(const Eigen::MatrixXd& x, std::span<const std::int32_t> labels) const;
  const Eigen::MatrixXd& weights() const { return weights_; }  ///< [k + 1, classes], constants last

 private:
  Eigen::VectorXd spectrum_;
  Eigen::MatrixXd weights_;
};

}  // namespace metalearn
