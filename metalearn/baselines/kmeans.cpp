#include "metalearn/baselines/kmeans.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"
#include "autodiff/plan/plan.hpp"
#include "metalearn/baselines/methods.hpp"

namespace metalearn {

using Eigen::Index;
using Eigen::MatrixXf;
using Eigen::VectorXf;

namespace {

constexpr Index kRowsAtOnce = 4096;

/// |c|^2 - 2 c.x for centres c [k, N] and examples x [n, N]: the squared distance minus |x|^2, which the same
/// centre minimises. A compiled plan, because the matrix product is most of the work. Arrays are Eigen's,
/// column-major: on the tape their axes are swapped.
class Nearness {
 public:
  Nearness(Index n, Index k, Index N) : plan_(record(n, k, N)) {}
  void operator()(const MatrixXf& x, const MatrixXf& centres, MatrixXf& out) {
    const float* in[] = {x.data(), centres.data()};
    float* o = out.data();
    plan_.run(in, std::span(&o, 1), arena_, autodiff::Parallel(1));
  }

 private:
  static autodiff::Plan<float> record(Index n, Index k, Index N) {
    using namespace autodiff;
    Graph graph;
    const Var in[] = {graph.input(Shape{N, n}, "x"), graph.input(Shape{N, k}, "centres")};
    const Var squares = matmul(square(in[1]), broadcast_to(graph.scalar(1), Shape{N, 1}), Transposed::yes);
    const Var out = matmul(in[1] * -2.0, in[0], Transposed::yes) + squares;
    return Plan<float>(in, std::span(&out, 1));
  }
  autodiff::Plan<float> plan_;
  autodiff::Arena arena_;
};

/// Each further start is an example drawn with probability proportional to its squared distance to the
/// nearest start so far.
MatrixXf starts(const MatrixXf& x, Index k, Random& random) {
  MatrixXf centres(k, x.cols());
  VectorXf nearest = VectorXf::Constant(x.rows(), 1);  // squared distance; the first start is uniform
  const VectorXf lengths = x.rowwise().squaredNorm();
  for (Index c = 0; c < k; ++c) {
    double rest = random.uniform() * nearest.cast<double>().sum();
    Index chosen = 0;
    while (chosen + 1 < x.rows() && (rest -= static_cast<double>(nearest[chosen])) >= 0) ++chosen;
    centres.row(c) = x.row(chosen);
    const VectorXf squared =
        (lengths - 2 * (x * centres.row(c).transpose())).array() + centres.row(c).squaredNorm();
    nearest = c == 0 ? squared.cwiseMax(0.0f).eval() : nearest.cwiseMin(squared).cwiseMax(0.0f).eval();
  }
  return centres;
}

class Kmeans : public Learner {
 public:
  Kmeans(const Start& s, const KmeansOptions& options)
      : task_(s.task),
        options_(options),
        random_(s.seed, s.stream, purpose("kmeans")),
        x_(0, s.task.widths().front()) {}

  void learn(std::int64_t t) override {
    const Index batch = options_.batch, most = std::max<Index>(1, options_.kept / batch);
    x_.conservativeResize(std::min<Index>(t, most) * batch, Eigen::NoChange);
    for (; done_ < std::min<Index>(t, most); ++done_)
      x_.middleRows(done_ * batch, batch) = unlabelled_rows(task_, done_, batch).cast<float>();
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
  const Index rows = std::min<Index>(kRowsAtOnce, x.rows());
  Nearness nearness(rows, c.rows(), x.cols());
  MatrixXf d(rows, c.rows()), part = MatrixXf::Zero(rows, x.cols());
  for (std::int64_t i = 0; i < iterations; ++i) {
    MatrixXf sums = MatrixXf::Zero(c.rows(), c.cols());
    VectorXf counts = VectorXf::Zero(c.rows());
    for (Index first = 0; first < x.rows(); first += rows) {
      const Index some = std::min(rows, x.rows() - first);
      part.topRows(some) = x.middleRows(first, some);
      nearness(part, c, d);
      for (Index e = 0; e < some; ++e) {
        Index nearest = 0;
        d.row(e).minCoeff(&nearest);
        sums.row(nearest) += part.row(e);
        counts[nearest] += 1;
      }
    }
    for (Index k = 0; k < c.rows(); ++k)
      if (counts[k] > 0) c.row(k) = sums.row(k) / counts[k];
  }
  return c;
}

Method kmeans_method(KmeansOptions options) {
  return {.name = "kmeans",
          .summary = "closeness to centres of k-means",
          .settings = fmt::format("{} centres, {} iterations, at most {} examples", options.centres,
                                  options.iterations, options.kept),
          .sees = Sees::unlabelled,
          .marks = {options.steps},
          .first_mark = 1,
          .batch = options.batch,
          .most = std::max<Index>(1, options.kept / options.batch) * options.batch,
          .start = [options](const Start& s) { return std::make_unique<Kmeans>(s, options); }};
}

}  // namespace metalearn
