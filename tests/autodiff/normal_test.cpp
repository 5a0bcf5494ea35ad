#include "autodiff/ops/normal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autodiff/ops/gather.hpp"
#include "autodiff/ops/softmax.hpp"
#include "autodiff/plan/plan.hpp"

using namespace autodiff;

namespace {

std::vector<double> draw(double counter, std::uint64_t seed, Index n) {
  Graph graph;
  const Var c = graph.input(Shape{}, "counter"), y = normal(c, Shape{n}, seed);
  const Plan<double> plan(std::span(&c, 1), std::span(&y, 1));
  std::vector<double> out(static_cast<std::size_t>(n));
  const double* in = &counter;
  double* o = out.data();
  Arena arena;
  plan.run(std::span(&in, 1), std::span(&o, 1), arena, Parallel(1));
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum / static_cast<double>(a.size());
}

/// The value of a scalar or a vector without inputs.
std::vector<double> value(Var y) {
  std::vector<double> out(static_cast<std::size_t>(y.shape().size()));
  double* o = out.data();
  Arena arena;
  Plan<double>({}, std::span(&y, 1)).run({}, std::span(&o, 1), arena, Parallel(1));
  return out;
}

}  // namespace

TEST_CASE("normal draws have the moments and the tails of a normal, and follow counter and seed alone") {
  constexpr Index n = 200000;
  const auto x = draw(3, 11, n);
  std::vector<double> ones(x.size(), 1.0), squares = x;
  for (double& v : squares) v *= v;
  const double error = 1 / std::sqrt(static_cast<double>(n));
  CHECK(std::abs(correlation(x, ones)) < 4 * error);
  CHECK(std::abs(correlation(x, x) - 1) < 4 * std::sqrt(2.0) * error);
  CHECK(std::abs(correlation(squares, squares) - 3) < 4 * std::sqrt(96.0) * error);
  const auto beyond = std::count_if(x.begin(), x.end(), [](double v) { return std::abs(v) > 1.959964; });
  CHECK(std::abs(static_cast<double>(beyond) / n - 0.05) < 4 * std::sqrt(0.05 * 0.95) * error);
  CHECK(draw(3.9, 11, n) == x);  // the floor of the counter counts
  for (const auto& other : {draw(4, 11, n), draw(3, 12, n), draw(3, 11 + (1ull << 32), n)}) CHECK(std::abs(correlation(x, other)) < 4 * error);
  const std::vector<double> shifted(x.begin() + 1, x.end());
  CHECK(std::abs(correlation(shifted, x)) < 4 * error);
}

TEST_CASE("a row number that names no row gathers NaN and scatters nothing") {
  Graph graph;
  const Var x = graph.constant(Shape{2, 1}, {5, 7}), rows = graph.constant(Shape{4}, {1, 2, -1, std::nan("")});
  const auto picked = value(gather(x, rows));
  CHECK(picked[0] == 7);
  for (std::size_t i : {1u, 2u, 3u}) CHECK(std::isnan(picked[i]));
  CHECK(value(scatter_add(graph.constant(Shape{4, 1}, {1, 2, 3, 4}), rows, 2)) == std::vector<double>{0, 1});
  CHECK(value(one_hot(graph.constant(Shape{2}, {2, 0}), 3)) == std::vector<double>{0, 0, 1, 1, 0, 0});
}

TEST_CASE("the cross-entropy is the mean surprise of the right classes, also where exp would overflow") {
  Graph graph;
  const Var logits = graph.constant(Shape{2, 3}, {std::log(0.2), std::log(0.3), std::log(0.5), 1000, 0, -1000}), labels = graph.constant(Shape{2}, {1, 1});
  CHECK(value(softmax_cross_entropy(logits, one_hot(labels, 3)))[0] == doctest::Approx((-std::log(0.3) + 1000) / 2));
}
