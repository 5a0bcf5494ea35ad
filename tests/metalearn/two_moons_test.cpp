#include "metalearn/report/two_moons.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "checkpoints/error.hpp"
#include "metalearn/baselines/principal_components.hpp"
#include "small_task.hpp"

using namespace metalearn;
using namespace outer_test;

TEST_CASE(
    "two moons are standardised, no line tells them apart, and a theta changes their representation, always "
    "in the same way") {
  const auto config = small_config();
  const auto theta = initial_theta(config.rule, 1);
  const auto m = report::two_moons(config, theta, 3), again = report::two_moons(config, theta, 3);
  CHECK(m.inputs.rows() == static_cast<Eigen::Index>(m.labels.size()));
  const auto n = static_cast<double>(m.inputs.rows());
  for (Eigen::Index k = 0; k < 2; ++k) {
    CHECK(std::abs(m.inputs.col(k).mean()) < 1e-12);
    CHECK(m.inputs.col(k).squaredNorm() / n == doctest::Approx(1));
  }
  CHECK(m.steps == 3);
  CHECK(m.widths == std::vector<std::int64_t>{2, 32, 32, config.rule.N_L});
  CHECK(m.before.rows() == m.inputs.rows());
  CHECK(m.after.cols() == config.rule.N_L);
  CHECK(m.after != m.before);
  CHECK(m.after == again.after);
  CHECK(report::two_moons(config, theta, 0).after == m.before);
  CHECK(report::two_moons(config, theta, 1000000).steps == 300);
}

TEST_CASE("a theta that is no longer finite on the moons is refused") {
  const auto config = small_config();
  std::vector<float> theta(initial_theta(config.rule, 1).size(), std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_AS(report::two_moons(config, theta, 2), checkpoints::Diverged);
}

TEST_CASE("principal components of a known case: directions by variance, and their share of it") {
  Matrix x(4, 3);
  x << 3, 1, 0, -3, 1, 0, 0, 2, 0, 0, 0, 0;  // variance 4.5 along the first input, 0.5 along the second
  const Eigen::VectorXd mean = x.colwise().mean().transpose();
  const auto found = principal_components(mean, x.transpose() * x / 4, 2);
  CHECK(found.total == doctest::Approx(5));
  CHECK(found.variance[0] == doctest::Approx(4.5));
  CHECK(found.variance[1] == doctest::Approx(0.5));
  CHECK(std::abs(found.directions(0, 0)) == doctest::Approx(1));
  CHECK(std::abs(found.directions(1, 1)) == doctest::Approx(1));
  const Matrix places = found.of(x);
  CHECK(std::abs(places(0, 0)) == doctest::Approx(3));
  CHECK(std::abs(places(2, 1)) == doctest::Approx(1));
  CHECK(principal_components(mean, x.transpose() * x / 4, 10).variance.size() == 3);
}
