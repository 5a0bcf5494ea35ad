#include "metalearn/evaluate/heads.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <Eigen/LU>
#include <limits>
#include <stdexcept>

#include "metalearn/evaluate/logistic.hpp"
#include "metalearn/steps/inner_step.hpp"
#include "small_task.hpp"

using namespace metalearn;
using Eigen::Index;
using Matrix = Eigen::MatrixXd;

namespace {

struct Problem {
  Matrix support, query;
  std::vector<std::int32_t> labels, query_labels;
};

/// Gaussian classes: centres of deviation `signal` in the first two of F features, noise of deviation 1 in
/// all.
Problem gaussians(Index per_class, std::int64_t classes, Index F, double signal, std::uint64_t seed = 1) {
  Random random(seed, purpose("heads"));
  Matrix centres = Matrix::Zero(classes, F);
  for (Index c = 0; c < classes; ++c)
    for (Index f = 0; f < std::min<Index>(2, F); ++f) centres(c, f) = signal * random.normal();
  const auto draw = [&](Matrix& x, std::vector<std::int32_t>& labels) {
    x.resize(per_class * classes, F);
    for (Index i = 0; i < x.rows(); ++i) {
      labels.push_back(static_cast<std::int32_t>(i % classes));
      for (Index f = 0; f < F; ++f) x(i, f) = centres(i % classes, f) + random.normal();
    }
  };
  Problem p;
  draw(p.support, p.labels);
  draw(p.query, p.query_labels);
  return p;
}

Matrix targets_of(const Problem& p, std::int64_t classes) {
  std::vector<double> y(p.labels.size() * static_cast<std::size_t>(classes));
  standardise_targets<double>(p.labels, classes, y);
  return Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      y.data(), p.support.rows(), classes);
}

/// Scores of the ridge regression with a free constant, by its normal equations.
Matrix normal_equations(const Matrix& support, const Matrix& targets, const Matrix& query, double penalty) {
  const auto with_ones = [](const Matrix& x) {
    Matrix all(x.rows(), x.cols() + 1);
    all << x, Eigen::VectorXd::Ones(x.rows());
    return all;
  };
  const Matrix A = with_ones(support);
  Matrix S = A.transpose() * A;
  for (Index f = 0; f < support.cols(); ++f) S(f, f) += penalty;
  return with_ones(query) * S.fullPivLu().solve(A.transpose() * targets);
}

Matrix without_row(const Matrix& x, Index row) {
  Matrix rest(x.rows() - 1, x.cols());
  rest << x.topRows(row), x.bottomRows(x.rows() - row - 1);
  return rest;
}

double leave_one_out(const Problem& p, std::int64_t classes, double penalty) {
  const Matrix y = targets_of(p, classes);
  double total = 0;
  for (Index i = 0; i < y.rows(); ++i)
    total +=
        (normal_equations(without_row(p.support, i), without_row(y, i), p.support.row(i), penalty) - y.row(i))
            .squaredNorm();
  return total / static_cast<double>(y.rows());
}

}  // namespace

TEST_CASE(
    "ridge is the head of the meta-objective: its predictions are those of a score, whether features or "
    "examples are more") {
  for (const std::int64_t top : {4, 12}) {
    auto config = outer_test::small_config();
    config.task.representation = config.rule.N_L = top;
    const TaskDistribution tasks(config.task, {outer_test::small_dataset()}, 1);
    const Task task = tasks.draw(Role::train, 0);
    const std::int64_t classes = task.classes(), n = classes * config.task.labels_per_class;
    InnerStep<double> step(config.rule, {task.widths(), 8, classes, config.task.labels_per_class, 1});
    const auto size = [](std::int64_t v) { return static_cast<std::size_t>(v); };
    std::vector<float> drawn(size(task.widths()[0] * 2 * n));
    std::vector<std::int32_t> labels(size(2 * n));
    task.labelled(0, 0, drawn, labels);
    const std::vector<double> x(drawn.begin(), drawn.end());
    const auto phi_f = initial_phi(task.widths(), 1, 2);
    const std::vector<double> phi(phi_f.begin(), phi_f.end());
    std::vector<double> targets(size(2 * n * classes)), predictions(size(n * classes)),
        features(size(top * 2 * n));
    const auto halves = [](auto all, std::size_t half) {
      return all.subspan(half * all.size() / 2, all.size() / 2);
    };
    for (std::size_t half : {0u, 1u})
      standardise_targets<double>(halves(std::span<const std::int32_t>(labels), half), classes,
                                  halves(std::span(targets), half));
    const LabelledPair<double> pair{x, targets};
    step.score(phi, {&pair, 1}, predictions);
    step.features(phi, x, features);
    const Matrix rows = Eigen::Map<const Matrix>(features.data(), 2 * n, top);
    const Matrix scores =
        FewShotHeads(rows.topRows(n), std::span(labels).first(size(n)), classes, rows.bottomRows(n))
            .fit(Head::ridge)
            .scores.rowwise()
            .normalized();
    for (Index i = 0; i < n; ++i)
      for (Index c = 0; c < classes; ++c)
        CHECK(scores(i, c) == doctest::Approx(predictions[size(i * classes + c)]).epsilon(1e-7));
  }
}

TEST_CASE(
    "ridge solves the normal equations at any penalty, and the leave-one-out error is that of refitting "
    "without each example") {
  for (const Index F : {3, 40}) {
    const Problem p = gaussians(6, 4, F, 1);
    const FewShotHeads heads(p.support, p.labels, 4, p.query);
    for (const double penalty : {0.01, 1.0, 100.0}) {
      CHECK((heads.ridge(penalty).scores - normal_equations(p.support, targets_of(p, 4), p.query, penalty))
                .norm() < 1e-8);
      CHECK(heads.leave_one_out_error(penalty) ==
            doctest::Approx(leave_one_out(p, 4, penalty)).epsilon(1e-8));
    }
  }
}

TEST_CASE(
    "ridge_cv takes the penalty of the least leave-one-out error: a strong one among many noisy features, a "
    "weak one where there is no noise") {
  const Problem noisy = gaussians(6, 3, 60, 1.5), clean = gaussians(6, 3, 2, 1e4);
  const FewShotHeads of_noisy(noisy.support, noisy.labels, 3, noisy.query),
      of_clean(clean.support, clean.labels, 3, clean.query);
  const auto relative = [](const FewShotHeads& heads, const Problem& p) {
    const double scale = (p.support.rowwise() - p.support.colwise().mean()).rowwise().squaredNorm().mean();
    return heads.fit(Head::ridge_cv).penalty / scale;
  };
  CHECK(relative(of_noisy, noisy) >= 0.1);
  CHECK(relative(of_clean, clean) < 0.001);
  const double chosen = of_noisy.fit(Head::ridge_cv).penalty;
  for (const double factor : {0.01, 0.1, 10.0, 100.0})
    CHECK(of_noisy.leave_one_out_error(chosen) <= of_noisy.leave_one_out_error(chosen * factor));
}

TEST_CASE(
    "the heads with a chosen penalty do not depend on the features' scale, nor on who shares the query") {
  const Problem p = gaussians(5, 3, 10, 2);
  for (const Head head : {Head::ridge_cv, Head::logistic_cv}) {
    const auto small = FewShotHeads(p.support, p.labels, 3, p.query).fit(head),
               large = FewShotHeads(p.support * 1000, p.labels, 3, p.query * 1000).fit(head);
    CHECK(large.penalty == doctest::Approx(small.penalty * 1e6));
    CHECK((large.scores - small.scores).norm() < 1e-6 * small.scores.norm());
    const auto alone = FewShotHeads(p.support, p.labels, 3, p.query.topRows(1)).fit(head);
    CHECK((alone.scores - small.scores.topRows(1)).norm() < 1e-9 * small.scores.norm());
  }
}

TEST_CASE("every head learns separable classes, and none says anything of features that are not numbers") {
  Problem p = gaussians(8, 3, 5, 20);
  for (const Head head : kHeads) {
    CAPTURE(to_string(head));
    const Matrix scores = FewShotHeads(p.support, p.labels, 3, p.query).fit(head).scores;
    for (Index i = 0; i < scores.rows(); ++i) {
      Index best = 0;
      scores.row(i).maxCoeff(&best);
      CHECK(best == p.query_labels[static_cast<std::size_t>(i)]);
    }
    Matrix broken = p.query;
    broken(1, 2) = std::numeric_limits<double>::infinity();
    const Matrix nothing = FewShotHeads(p.support, p.labels, 3, broken).fit(head).scores;
    CHECK(nothing.rows() == broken.rows());
    CHECK(nothing.cols() == 3);
    CHECK(nothing.array().isNaN().all());
    // Features that are all the same say nothing, but are no error.
    CHECK(FewShotHeads(Matrix::Ones(24, 5), p.labels, 3, Matrix::Ones(2, 5)).fit(head).scores.allFinite());
  }
  CHECK_THROWS_AS(FewShotHeads(p.support.topRows(3), p.labels, 3, p.query), std::invalid_argument);
  CHECK_THROWS_AS(FewShotHeads(p.support, p.labels, 3, p.query.leftCols(2)), std::invalid_argument);
}

TEST_CASE("logistic regression finds the optimum of two classes that Newton's method finds") {
  const Problem p = gaussians(10, 2, 2, 1);
  const double penalty = 0.3;
  // Two classes with penalty r on both weight vectors: their difference d is the binary model's weight, with
  // penalty r / 2.
  Eigen::Vector3d d = Eigen::Vector3d::Zero();
  Matrix A(p.support.rows(), 3);
  A << p.support, Eigen::VectorXd::Ones(p.support.rows());
  Eigen::VectorXd y(A.rows());
  for (Index i = 0; i < y.size(); ++i) y[i] = p.labels[static_cast<std::size_t>(i)];
  Eigen::Matrix3d R = Eigen::Matrix3d::Zero();
  R(0, 0) = R(1, 1) = penalty / 2;
  for (int i = 0; i < 50; ++i) {
    const Eigen::VectorXd q = (1 + (-A * d).array().exp()).inverse();
    const Eigen::Matrix3d H = A.transpose() * (q.array() * (1 - q.array())).matrix().asDiagonal() * A + R;
    d -= H.fullPivLu().solve(A.transpose() * (q - y) + R * d);
  }
  const FewShotHeads heads(p.support, p.labels, 2, p.query);
  const Matrix scores = heads.logistic(penalty).scores;
  Matrix Q(p.query.rows(), 3);
  Q << p.query, Eigen::VectorXd::Ones(p.query.rows());
  const Eigen::VectorXd expected = Q * d, found = scores.col(1) - scores.col(0);
  CHECK((expected - found).norm() < 2e-3 * expected.norm());
}

TEST_CASE(
    "a fit says whether it came to its tolerance, and goes on beyond 500 steps where that is what it takes") {
  // Directions of very different length and hardly a penalty: the flattest one is learned slowly.
  Problem p = gaussians(10, 3, 4, 1);
  for (Index f = 0; f < 4; ++f) p.support.col(f) *= std::pow(10, -f);
  const Eigen::VectorXd bound = Eigen::VectorXd::Constant(4, p.support.squaredNorm());
  LogisticRegression once(bound, 3, p.support.rows()), again(bound, 3, p.support.rows());
  CHECK(once.fit(p.support, p.labels, 1e-3, 1e-9));
  CHECK(!again.fit(p.support, p.labels, 0, 0));  // never below nothing
  CHECK(again.weights().allFinite());
  const FewShotHeads heads(p.support, p.labels, 3, p.query);
  for (const Head head : kHeads) CHECK(heads.fit(head).converged);
}

TEST_CASE("a stronger penalty gives shorter weights, and the loss is that of its probabilities") {
  const Problem p = gaussians(10, 3, 4, 1);
  const Eigen::VectorXd bound = Eigen::VectorXd::Constant(4, p.support.squaredNorm());
  double length = 1e9;
  for (const double penalty : {0.01, 1.0, 100.0}) {
    LogisticRegression model(bound, 3, p.support.rows());
    CHECK(model.loss(p.support, p.labels) == doctest::Approx(30 * std::log(3.0)));
    model.fit(p.support, p.labels, penalty);
    CHECK(model.weights().topRows(4).norm() < length);
    length = model.weights().topRows(4).norm();
    const Matrix odds = model.scores(p.support).array().exp();
    double loss = 0;
    for (Index i = 0; i < odds.rows(); ++i)
      loss -= std::log(odds(i, p.labels[static_cast<std::size_t>(i)]) / odds.row(i).sum());
    CHECK(model.loss(p.support, p.labels) == doctest::Approx(loss));
  }
}

TEST_CASE(
    "the tolerance with which penalties are compared moves the log loss of unseen examples by less than "
    "three thousandths of a nat each") {
  const Problem p = gaussians(10, 5, 30, 1);
  const Eigen::VectorXd bound = Eigen::VectorXd::Constant(30, p.support.squaredNorm());
  const double scale = p.support.squaredNorm() / 50;
  for (const double penalty : {scale, scale / 100}) {
    LogisticRegression loose(bound, 5, 50), tight(bound, 5, 50);
    loose.fit(p.support, p.labels, penalty, 1e-3);
    tight.fit(p.support, p.labels, penalty, 1e-7);
    CHECK(std::abs(loose.loss(p.query, p.query_labels) - tight.loss(p.query, p.query_labels)) / 50 < 3e-3);
  }
}
