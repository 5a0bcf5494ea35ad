#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "metalearn/baselines/methods.hpp"
#include "metalearn/baselines/principal_components.hpp"

namespace metalearn {
namespace {

/// Whitening does not scale up a component whose variance, relative to the first one's, is below this.
constexpr double kFloor = 1e-6;

class Pca : public Learner {
 public:
  Pca(const Task& task, const PcaOptions& options)
      : task_(task),
        options_(options),
        sum_(Eigen::VectorXd::Zero(task.widths().front())),
        products_(Matrix::Zero(sum_.size(), sum_.size())) {}

  void learn(std::int64_t t) override {
    for (; done_ < t; ++done_) {
      const Matrix x = unlabelled_rows(task_, done_, options_.batch);
      sum_ += x.colwise().sum().transpose();
      products_ += x.transpose() * x;
    }
    const double n = static_cast<double>(done_ * options_.batch);
    found_ = principal_components(sum_ / n, products_ / n, options_.components);
    if (!options_.whiten) return;
    const double least = std::max(kFloor * found_.variance[0], 1e-12);
    for (Eigen::Index k = 0; k < found_.variance.size(); ++k)
      found_.directions.col(k) /= std::sqrt(std::max(found_.variance[k], least));
  }

  Matrix features(const LabelledDraw& draw) override { return found_.of(as_rows(draw.x, sum_.size())); }

 private:
  const Task& task_;
  PcaOptions options_;
  std::int64_t done_ = 0;
  Eigen::VectorXd sum_;
  Matrix products_;
  PrincipalComponents found_;
};

}  // namespace

Method pca_method(PcaOptions options) {
  return {.name = options.whiten ? "pca_white" : "pca",
          .summary = options.whiten ? "principal components of the inputs, each of variance 1"
                                    : "principal components of the inputs",
          .settings = fmt::format("{} components", options.components),
          .sees = Sees::unlabelled,
          .marks = {options.steps},
          .first_mark = 1,
          .batch = options.batch,
          .start = [options](const Start& s) { return std::make_unique<Pca>(s.task, options); }};
}

}  // namespace metalearn
