#include "metalearn/optimise/adam.hpp"
#include "metalearn/base/finite.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace metalearn;

TEST_CASE("two steps of Adam equal the same computed by hand") {
  AdamState state{{0.0f}, {0.0f}, 0};
  std::vector<float> theta = {1.0f};
  // m = 0.05, v = 0.00025: debiased 0.5 and 0.25, so the step is the rate.
  adam_step({}, 0.1, std::vector<float>{0.5f}, state, theta);
  CHECK(theta[0] == doctest::Approx(0.9).epsilon(1e-6));
  // m = 0.02, v = 0.00031225: debiased 0.10526316 and 0.15620310.
  adam_step({}, 0.1, std::vector<float>{-0.25f}, state, theta);
  CHECK(state.m[0] == doctest::Approx(0.02).epsilon(1e-6));
  CHECK(state.v[0] == doctest::Approx(0.00031225).epsilon(1e-6));
  CHECK(theta[0] == doctest::Approx(0.8733663).epsilon(1e-6));
  CHECK(state.steps == 2);
}

TEST_CASE("Adam refuses a gradient of another size than theta and names the sizes") {
  AdamState state{{0, 0}, {0, 0}, 0};
  std::vector<float> theta = {1, 2};
  CHECK_THROWS_WITH_AS(adam_step({}, 0.1, std::vector<float>{1, 2, 3}, state, theta),
                       "[adam] theta has 2 numbers, the gradient 3, the moments 2 and 2, the scale 0",
                       std::invalid_argument);
}

TEST_CASE("a scale of the rate acts on its own number alone") {
  AdamState plain{{0, 0}, {0, 0}, 0}, scaled = plain;
  std::vector<float> theta = {1, 1}, other = theta;
  adam_step({}, 0.1, std::vector<float>{0.5f, -0.5f}, plain, theta);
  adam_step({}, 0.1, std::vector<float>{0.5f, -0.5f}, scaled, other, std::vector<float>{1, 3});
  CHECK(other[0] == theta[0]);
  CHECK(other[1] - 1 == doctest::Approx(3 * (theta[1] - 1)).epsilon(1e-5));
  CHECK(scaled.v == plain.v);
  CHECK_THROWS_AS(adam_step({}, 0.1, std::vector<float>{1, 2}, scaled, other, std::vector<float>{1}),
                  std::invalid_argument);
}

TEST_CASE("a long gradient is scaled to the limit, a short one left alone") {
  std::vector<float> g = {3, 4};
  CHECK(clip_norm(g, 10) == 5);
  CHECK(g == std::vector<float>{3, 4});
  CHECK(clip_norm(g, 1) == 5);
  CHECK(norm(g) == doctest::Approx(1).epsilon(1e-6));
  CHECK(g[1] / g[0] == doctest::Approx(4.0 / 3.0));
}

TEST_CASE("a norm does not overflow where the squares leave float32") {
  CHECK(norm(std::vector<float>{3e30f, 4e30f}) == doctest::Approx(5e30));
}

TEST_CASE("the average of theta is the weighted mean of the thetas seen, without a trace of where it began") {
  const double d = 0.9;
  const std::vector<double> seen = {2, -1, 5, 3};
  std::vector<float> average = {1234.5f};
  double sum = 0, weights = 0;
  for (std::size_t n = 0; n < seen.size(); ++n) {
    average_theta(d, static_cast<std::int64_t>(n + 1), std::vector<float>{static_cast<float>(seen[n])},
                  average);
    sum = d * sum + seen[n];
    weights = d * weights + 1;
    CHECK(average[0] == doctest::Approx(sum / weights).epsilon(1e-5));
  }
}

TEST_CASE("one number that is not finite is found wherever it stands") {
  std::vector<float> x(100, 1.0f);
  CHECK(all_finite(x));
  x[57] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(all_finite(x));
  x[57] = std::nanf("");
  CHECK_FALSE(all_finite(x));
}
