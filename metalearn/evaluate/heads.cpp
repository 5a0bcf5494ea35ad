#include "metalearn/evaluate/heads.hpp"

#include <algorithm>
#include <cmath>
#include <Eigen/Eigenvalues>
#include <limits>
#include <stdexcept>

#include "metalearn/evaluate/logistic.hpp"
#include "metalearn/steps/inner_step.hpp"

namespace metalearn {

using Eigen::Index;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {

/// Eigenvalues below this, relative to the largest, count as rounding errors.
constexpr double kRankTolerance = 1e-13;
constexpr std::int64_t kFolds = 5;
constexpr double kChoosing = 1e-3;  // tolerance of the fits that only compare penalties: their log loss is
                                    // accurate to 3e-3 nats per example

/// Penalties divided by the mean squared length of the centred features, strongest first: 30 down to 1e-4.
constexpr double kRidgeGrid[] = {30, 10, 3, 1, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4};
constexpr double kLogisticGrid[] = {1, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4};

/// The fold of each example: the first of a class goes to fold 0, the second to fold 1, ...
std::vector<std::int64_t> folds_of(std::span<const std::int32_t> labels, std::int64_t classes,
                                   std::int64_t folds) {
  std::vector<std::int64_t> seen(static_cast<std::size_t>(classes), 0), fold;
  for (const std::int32_t label : labels) fold.push_back(seen[static_cast<std::size_t>(label)]++ % folds);
  return fold;
}

}  // namespace

std::string to_string(Head head) {
  return head == Head::ridge ? "ridge" : head == Head::ridge_cv ? "ridge_cv" : "logistic_cv";
}

FewShotHeads::FewShotHeads(const Matrix& support, std::span<const std::int32_t> labels, std::int64_t classes,
                           const Matrix& query)
    : classes_(classes), labels_(labels), finite_(support.allFinite() && query.allFinite()) {
  if (support.rows() != static_cast<Index>(labels.size()) || support.rows() < 1 ||
      support.cols() != query.cols())
    throw std::invalid_argument(
        "[FewShotHeads] expected a label for each row of the support, and a query with the same features");
  std::vector<double> y(labels.size() * static_cast<std::size_t>(classes));
  standardise_targets<double>(labels, classes, y);
  targets_ = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      y.data(), support.rows(), classes);
  if (!finite_) {
    query_.resize(query.rows(), 0);
    return;
  }
  const Eigen::RowVectorXd mean = support.colwise().mean();
  const Matrix centred = support.rowwise() - mean;
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(centred * centred.transpose());
  const Vector values = solver.eigenvalues().reverse();
  const Index k =
      (values.array() > kRankTolerance * std::max(values[0], std::numeric_limits<double>::min())).count();
  left_ = solver.eigenvectors().rowwise().reverse().leftCols(k);
  root_ = values.head(k).cwiseSqrt();
  const Matrix right = centred.transpose() * left_ * root_.cwiseInverse().asDiagonal();
  support_ = left_ * root_.asDiagonal();
  query_ = (query.rowwise() - mean) * right;
  scale_ =
      std::max(root_.squaredNorm() / static_cast<double>(support.rows()), std::numeric_limits<double>::min());
}

// With centred features the free constant is the mean of the targets, and (A^T A + r)^-1 A^T y is diagonal in
// the singular directions.
FewShotHeads::Fit FewShotHeads::ridge(double penalty) const {
  const Eigen::RowVectorXd mean = targets_.colwise().mean();
  const Vector gain = root_.array() / (root_.array().square() + penalty);
  const Matrix weights = gain.asDiagonal() * (left_.transpose() * targets_);
  return {(query_ * weights).rowwise() + mean, penalty};
}

double FewShotHeads::leave_one_out_error(double penalty) const {
  const Eigen::RowVectorXd mean = targets_.colwise().mean();
  const Vector shrink = root_.array().square() / (root_.array().square() + penalty);
  const Matrix residual =
      (targets_.rowwise() - mean) - left_ * (shrink.asDiagonal() * (left_.transpose() * targets_));
  const Vector leverage =
      (left_.array().square().matrix() * shrink).array() + 1.0 / static_cast<double>(left_.rows());
  return (residual.rowwise().squaredNorm().array() / (1 - leverage.array()).square()).mean();
}

FewShotHeads::Fit FewShotHeads::logistic(double penalty) const {
  LogisticRegression model(root_.array().square(), classes_, support_.rows());
  const bool converged = model.fit(support_, labels_, penalty);
  return {model.scores(query_), penalty, converged};
}

FewShotHeads::Fit FewShotHeads::fit(Head head) const {
  if (!finite_)
    return {Matrix::Constant(query_.rows(), classes_, std::numeric_limits<double>::quiet_NaN()), 0};
  if (head == Head::ridge) return ridge(kRidge);
  double best = std::numeric_limits<double>::infinity(), chosen = 0;
  const auto consider = [&](double penalty, double error) {
    if (error < best) best = error, chosen = penalty;
  };
  if (head == Head::ridge_cv) {
    chosen = kRidgeGrid[0] * scale_;
    for (const double r : kRidgeGrid) consider(r * scale_, leave_one_out_error(r * scale_));
    return ridge(chosen);
  }
  // From strong to weak penalties, each fit starts from the previous one.
  const Vector spectrum = root_.array().square();
  std::vector<double> losses(std::size(kLogisticGrid), 0.0);
  bool converged = true;
  const std::int64_t per_class = support_.rows() / classes_,
                     folds = std::clamp<std::int64_t>(per_class, 1, kFolds);
  const auto fold = folds_of(labels_, classes_, folds);
  for (std::int64_t f = 0; folds > 1 && f < folds; ++f) {
    std::vector<Index> in, out;
    for (std::size_t i = 0; i < fold.size(); ++i) (fold[i] == f ? out : in).push_back(static_cast<Index>(i));
    const auto labels_of = [&](const std::vector<Index>& rows) {
      std::vector<std::int32_t> l;
      for (const Index i : rows) l.push_back(labels_[static_cast<std::size_t>(i)]);
      return l;
    };
    const Matrix x_in = support_(in, Eigen::all), x_out = support_(out, Eigen::all);
    const auto labels_in = labels_of(in), labels_out = labels_of(out);
    LogisticRegression model(spectrum, classes_, support_.rows());
    for (std::size_t i = 0; i < losses.size(); ++i) {
      converged &= model.fit(x_in, labels_in, kLogisticGrid[i] * scale_, kChoosing);
      losses[i] += model.loss(x_out, labels_out);
    }
  }
  chosen = kLogisticGrid[std::size(kLogisticGrid) / 2] *
           scale_;  // kept if one label of a class cannot be left out
  if (folds > 1)
    for (std::size_t i = 0; i < losses.size(); ++i) consider(kLogisticGrid[i] * scale_, losses[i]);
  Fit fit = logistic(chosen);
  fit.converged &= converged;
  return fit;
}

}  // namespace metalearn
