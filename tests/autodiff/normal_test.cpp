#include "autodiff/ops/normal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

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
  for (const auto& other : {draw(4, 11, n), draw(3, 12, n), draw(3, 11 + (1ull << 32), n)})
    CHECK(std::abs(correlation(x, other)) < 4 * error);
  CHECK(std::isnan(draw(-1, 11, 2)[1]));
  CHECK(std::isnan(draw(std::nan(""), 11, 2)[0]));
  const std::vector<double> shifted(x.begin() + 1, x.end());
  CHECK(std::abs(correlation(shifted, x)) < 4 * error);
}
