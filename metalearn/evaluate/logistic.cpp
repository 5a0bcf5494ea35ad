#include "metalearn/evaluate/logistic.hpp"

#include <cmath>

namespace metalearn {

using Eigen::Index;
using Matrix = Eigen::MatrixXd;

namespace {

constexpr int kMostSteps = 10000;  // fits on MNIST and Fashion-MNIST take at most 347 and 813

Matrix scores_of(const Matrix& x, const Matrix& weights) {
  return (x * weights.topRows(x.cols())).rowwise() + weights.row(x.cols());
}

/// Rows of log p.
Matrix log_probabilities(Matrix scores) {
  scores.colwise() -= scores.rowwise().maxCoeff().eval();
  scores.colwise() -= scores.array().exp().rowwise().sum().log().matrix().eval();
  return scores;
}

}  // namespace

LogisticRegression::LogisticRegression(Eigen::VectorXd spectrum, std::int64_t classes, std::int64_t examples)
    : spectrum_(spectrum.size() + 1), weights_(Matrix::Zero(spectrum.size() + 1, classes)) {
  spectrum_ << spectrum, static_cast<double>(examples);
}

bool LogisticRegression::fit(const Matrix& x, std::span<const std::int32_t> labels, double penalty,
                             double tolerance) {
  const Index k = x.cols();
  Eigen::VectorXd penalties = Eigen::VectorXd::Constant(k + 1, penalty);
  penalties[k] = 0;
  const Eigen::VectorXd step = (0.5 * spectrum_ + penalties).cwiseInverse();
  const auto gradient = [&](const Matrix& w) {
    Matrix p = log_probabilities(scores_of(x, w)).array().exp();
    for (Index i = 0; i < p.rows(); ++i) p(i, labels[static_cast<std::size_t>(i)]) -= 1;
    Matrix g(k + 1, w.cols());
    g.topRows(k).noalias() = x.transpose() * p;
    g.row(k) = p.colwise().sum();
    return Matrix(g + penalties.asDiagonal() * w);
  };
  Matrix ahead = weights_;
  double momentum = 1;
  for (int i = 0; i < kMostSteps; ++i) {
    const Matrix g = gradient(ahead), move = step.asDiagonal() * g;
    if (std::sqrt(g.cwiseProduct(move).sum()) < tolerance * std::sqrt(static_cast<double>(x.rows()))) {
      weights_ = ahead;
      return true;
    }
    const Matrix next = ahead - move;
    const bool uphill = g.cwiseProduct(next - weights_).sum() > 0;
    const double grown = uphill ? 1 : (1 + std::sqrt(1 + 4 * momentum * momentum)) / 2;
    ahead = uphill ? next : Matrix(next + (momentum - 1) / grown * (next - weights_));
    momentum = grown;
    weights_ = next;
  }
  return false;
}

Matrix LogisticRegression::scores(const Matrix& x) const { return scores_of(x, weights_); }

double LogisticRegression::loss(const Matrix& x, std::span<const std::int32_t> labels) const {
  const Matrix log_p = log_probabilities(scores_of(x, weights_));
  double total = 0;
  for (Index i = 0; i < x.rows(); ++i) total -= log_p(i, labels[static_cast<std::size_t>(i)]);
  return total;
}

}  // namespace metalearn
