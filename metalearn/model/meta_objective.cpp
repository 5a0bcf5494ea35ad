#include "metalearn/model/meta_objective.hpp"

#include <cmath>
#include <stdexcept>

#include "autodiff/ops/elementwise.hpp"
#include "autodiff/ops/layout.hpp"
#include "autodiff/ops/linear_algebra.hpp"
#include "autodiff/ops/matmul.hpp"
#include "autodiff/ops/reduce.hpp"

namespace metalearn {

using namespace autodiff;

Objective meta_objective(const Phi& phi, Var x, Var targets, Activation act, double penalty) {
  Graph& graph = x.graph();
  const Scope scope(graph, "objective");
  const Index n = targets.shape()[1], columns = targets.shape()[2];
  const Var top = forward(phi, x, act).x.back();
  const Index N = top.shape()[0];
  Objective o;
  o.features_a = slice(top, 1, 0, n);
  o.features_b = slice(top, 1, n, 2 * n);
  const auto part = [&](Index i) { return reshape(slice(targets, 0, i, i + 1), Shape{n, columns}); };
  const Var ya = part(0), yb = part(1);

  // The ridge leaves the constant column (the last) unpenalised.
  const Var with_ones[] = {o.features_a, broadcast_to(graph.scalar(1), Shape{1, n})};
  const Var A = concat(with_ones, 0);  // transposed: [N+1, n]
  std::vector<double> diagonal(static_cast<std::size_t>((N + 1) * (N + 1)), 0.0);
  for (Index i = 0; i < N; ++i) diagonal[static_cast<std::size_t>(i * (N + 2))] = penalty;
  const Var R = graph.constant(Shape{N + 1, N + 1}, std::move(diagonal));
  o.v = spd_solve(matmul(A, A, Transposed::no, Transposed::yes) + R, matmul(A, ya));
  const Var weights = slice(o.v, 0, 0, N);

  const Var p = matmul(o.features_b, weights, Transposed::yes) + slice(o.v, 0, N, N + 1);
  o.predictions = p * rsqrt(sum(square(p), {1}));
  o.mse = sum_all(square(o.predictions - yb)) / static_cast<double>(n);
  o.penalty = sum_all(square(weights)) * (penalty / static_cast<double>(n));
  o.J = o.mse + o.penalty;
  return o;
}

template <class T>
void standardise_targets(std::span<const std::int32_t> labels, std::int64_t classes, std::span<T> y, std::span<const float> coefficients) {
  const auto n = static_cast<std::int64_t>(labels.size()), extra = n == 0 ? 0 : static_cast<std::int64_t>(coefficients.size()) / n, columns = classes + extra;
  if (static_cast<std::int64_t>(coefficients.size()) != n * extra || static_cast<std::int64_t>(y.size()) != n * columns)
    throw std::invalid_argument("[standardise_targets] y must be [labels, classes + coefficients]");
  const double m = 1.0 / static_cast<double>(classes);  // the mean of one-hot rows
  double squares = 0;                                    // of coefficients
  for (const float c : coefficients) squares += static_cast<double>(c) * static_cast<double>(c);
  const double norm = std::sqrt((1 - m) * (1 - m) + static_cast<double>(classes - 1) * m * m + (extra > 0 ? squares / static_cast<double>(n) : 0.0));
  for (std::int64_t i = 0; i < n; ++i) {
    T* row = y.data() + i * columns;
    for (std::int64_t c = 0; c < classes; ++c) row[c] = static_cast<T>(((labels[static_cast<std::size_t>(i)] == c ? 1.0 : 0.0) - m) / norm);
    for (std::int64_t c = 0; c < extra; ++c) row[classes + c] = static_cast<T>(static_cast<double>(coefficients[static_cast<std::size_t>(i * extra + c)]) / norm);
  }
}

template <class T>
double accuracy(std::span<const T> predictions, std::span<const std::int32_t> labels, std::int64_t class_columns) {
  if (labels.empty() || predictions.empty() || predictions.size() % labels.size() != 0)
    throw std::invalid_argument("[accuracy] expected one row of predictions for each label and at least one label");
  const std::size_t n = labels.size(), columns = predictions.size() / n, classes = class_columns == 0 ? columns : static_cast<std::size_t>(class_columns);
  if (class_columns < 0 || classes > columns) throw std::invalid_argument("[accuracy] expected no more classes than columns");
  std::size_t right = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = predictions.subspan(i * columns, classes);
    std::size_t best = 0;
    for (std::size_t c = 1; c < classes; ++c)
      if (row[c] > row[best]) best = c;
    // A row that is not a number predicts nothing.
    if (std::isfinite(row[best]) && static_cast<std::int32_t>(best) == labels[i]) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(n);
}

template void standardise_targets<float>(std::span<const std::int32_t>, std::int64_t, std::span<float>, std::span<const float>);
template void standardise_targets<double>(std::span<const std::int32_t>, std::int64_t, std::span<double>, std::span<const float>);
template double accuracy<float>(std::span<const float>, std::span<const std::int32_t>, std::int64_t);
template double accuracy<double>(std::span<const double>, std::span<const std::int32_t>, std::int64_t);

}  // namespace metalearn
