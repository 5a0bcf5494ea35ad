#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "metalearn/baselines/methods.hpp"

namespace metalearn {
namespace {

/// A component of less variance than this, of the first one's, is not blown up by whitening.
constexpr double kFloor = 1e-6;

class Pca : public Learner {
 public:
  Pca(const Task& task, const PcaOptions& options)
      : task_(task), options_(options), sum_(Eigen::VectorXd::Zero(task.widths().front())), products_(Matrix::Zero(sum_.size(), sum_.size())) {}

  void learn(std::int64_t t) override {
    for (; done_ < t; ++done_) {
      const Matrix x = unlabelled_rows(task_, done_, options_.batch);
      sum_ += x.colwise().sum().transpose();
      products_ += x.transpose() * x;
    }
    const double n = static_cast<double>(done_ * options_.batch);
    mean_ = sum_ / n;
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(products_ / n - mean_ * mean_.transpose());
    const Eigen::Index kept = std::min<Eigen::Index>(options_.components, mean_.size());  // eigenvalues ascend
    directions_ = solver.eigenvectors().rightCols(kept).rowwise().reverse();
    if (!options_.whiten) return;
    const Eigen::VectorXd variance = solver.eigenvalues().tail(kept).reverse();
    const double least = std::max(kFloor * variance[0], 1e-12);
    for (Eigen::Index k = 0; k < kept; ++k) directions_.col(k) /= std::sqrt(std::max(variance[k], least));
  }

  Matrix features(const LabelledDraw& draw) override { return (as_rows(draw.x, mean_.size()).rowwise() - mean_.transpose()) * directions_; }

 private:
  const Task& task_;
  PcaOptions options_;
  std::int64_t done_ = 0;
  Eigen::VectorXd sum_, mean_;
  Matrix products_, directions_;
};

}  // namespace

Method pca_method(PcaOptions options) {
  return {.name = options.whiten ? "pca_white" : "pca",
          .settings = fmt::format("{} components", options.components),
          .sees = Sees::unlabelled,
          .marks = {options.steps},
          .first_mark = 1,
          .batch = options.batch,
          .start = [options](const Start& s) { return std::make_unique<Pca>(s.task, options); }};
}

}  // namespace metalearn
