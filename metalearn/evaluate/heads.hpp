// Heads: linear classifiers fitted on a few labelled features, the support, and applied to others, the query.
//
//   ridge        least squares on the meta-objective's targets with penalty 0.1 and a free constant:
//                specification section 10, exactly
//   ridge_cv     the same with the penalty of the least leave-one-out error
//   logistic_cv  multinomial logistic regression with the penalty of the least log loss in 5-fold
//                cross-validation
//
// Penalties are chosen on the support only, from a fixed grid relative to the features' mean squared length.
// All arithmetic is in float64. Const, any number of threads.
#pragma once
#include <cstdint>
#include <Eigen/Core>
#include <span>
#include <string>
#include <vector>

namespace metalearn {

enum class Head { ridge, ridge_cv, logistic_cv };
inline constexpr Head kHeads[] = {Head::ridge, Head::ridge_cv, Head::logistic_cv};
std::string to_string(Head head);

class FewShotHeads {
 public:
  /// support [n, F] with labels [n] in 0 .. classes-1, which outlive this; query [m, F].
  FewShotHeads(const Eigen::MatrixXd& support, std::span<const std::int32_t> labels, std::int64_t classes,
               const Eigen::MatrixXd& query);

  struct Fit {
    Eigen::MatrixXd scores;  ///< [m, classes] for the query; the largest is the prediction
    double penalty = 0;
    bool converged = true;  ///< whether all iterative fits reached their tolerance
  };
  /// Scores are NaN if a feature is.
  Fit fit(Head head) const;

  Fit ridge(double penalty) const;
  Fit logistic(double penalty) const;
  /// Leave-one-out error: mean over the support of the squared error of each example's targets, predicted
  /// from all others. Closed form.
  double leave_one_out_error(double penalty) const;

 private:
  std::int64_t classes_;
  std::span<const std::int32_t> labels_;
  bool finite_;
  double scale_ = 0;                 ///< mean squared length of the centred support
  Eigen::MatrixXd left_;             ///< [n, k]: support = left * diag(root) * right^T, centred
  Eigen::VectorXd root_;             ///< [k] singular values above zero
  Eigen::MatrixXd support_, query_;  ///< [n, k], [m, k] in the directions of `right`, centred on the support:
                                     ///< linear heads with such a penalty depend on nothing else
  Eigen::MatrixXd targets_;          ///< [n, classes] targets of the meta-objective
};

}  // namespace metalearn
