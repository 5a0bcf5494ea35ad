#include "metalearn/baselines/kmeans.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "metalearn/baselines/methods.hpp"

namespace metalearn {

using Eigen::Index;
using Eigen::MatrixXf;
using Eigen::VectorXf;

namespace {

/// Each further start is an example drawn with a probability that goes with its squared distance to the nearest start so far.
MatrixXf starts(const MatrixXf& x, Index k, Random& random) {
  MatrixXf centres(k, x.cols());
  VectorXf nearest = VectorXf::Constant(x.rows(), 1);  // squared distance; the first start is any
  for (Index c = 0; c < k; ++c) {
    double rest = random.uniform() * nearest.cast<double>().sum();
    Index chosen = 0;
    while (chosen + 1 < x.rows() && (rest -= static_cast<double>(nearest[chosen])) >= 0) ++chosen;
    centres.row(c) = x.row(chosen);
    const VectorXf squared = (x.rowwise() - centres.row(c)).rowwise().squaredNorm();
    nearest = c == 0 ? squared : nearest.cwiseMin(squared).eval();
  }
  return centres;
}

class Kmeans : public Learner {
 public:
  Kmeans(const Start& s, const KmeansOptions& options) : task_(s.task), options_(options), random_(s.seed, s.stream, purpose("kmeans")), x_(0, s.task.widths().front()) {}

  void learn(std::int64_t t) override {
    const Index batch = options_.batch;
    x_.conservativeResize(t * batch, Eigen::NoChange);
    for (; done_ < t; ++done_) x_.middleRows(done_ * batch, batch) = unlabelled_rows(task_, done_, batch).cast<float>();
    centres_ = kmeans(x_, options_.centres, options_.iterations, random_);
  }

  Matrix features(const LabelledDraw& draw) override {
    const MatrixXf d = distances(as_rows(draw.x, x_.cols()).cast<float>(), centres_);
    return ((-d).colwise() + d.rowwise().mean()).cwiseMax(0.0f).cast<double>();
  }

 private:
  const Task& task_;
  KmeansOptions options_;
  Random random_;
  std::int64_t done_ = 0;
  MatrixXf x_, centres_;
};

}  // namespace

MatrixXf distances(const MatrixXf& x, const MatrixXf& centres) {
  MatrixXf d = -2 * x * centres.transpose();
  d.colwise() += x.rowwise().squaredNorm();
  d.rowwise() += centres.rowwise().squaredNorm().transpose();
  return d.cwiseMax(0.0f).cwiseSqrt();
}

MatrixXf kmeans(const MatrixXf& x, std::int64_t centres, std::int64_t iterations, Random random) {
  MatrixXf c = starts(x, std::min<Index>(centres, x.rows()), random);
  for (std::int64_t i = 0; i < iterations; ++i) {
    const MatrixXf d = distances(x, c);
    MatrixXf sums = MatrixXf::Zero(c.rows(), c.cols());
    VectorXf counts = VectorXf::Zero(c.rows());
    for (Index e = 0; e < x.rows(); ++e) {
      Index nearest = 0;
      d.row(e).minCoeff(&nearest);
      sums.row(nearest) += x.row(e);
      counts[nearest] += 1;
    }
    for (Index k = 0; k < c.rows(); ++k)
      if (counts[k] > 0) c.row(k) = sums.row(k) / counts[k];
  }
  return c;
}

Method kmeans_method(KmeansOptions options) {
  return {.name = "kmeans", .settings = fmt::format("{} centres, {} iterations", options.centres, options.iterations), .sees = Sees::unlabelled, .marks = {options.steps}, .first_mark = 1,
          .batch = options.batch, .start = [options](const Start& s) { return std::make_unique<Kmeans>(s, options); }};
}

}  // namespace metalearn
