#include "metalearn/report/rolling.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace metalearn::report;

TEST_CASE("a rolling mean is of the last values that are numbers") {
  const std::vector<double> values = {1, 3, kNone, 5, 9};
  const auto means = rolling_mean(values, 2);
  const double expected[] = {1, 2, 3, 5, 7};
  for (std::size_t i = 0; i < 5; ++i) CHECK(means[i] == expected[i]);
  CHECK(std::isnan(rolling_mean(std::vector<double>{kNone, 1}, 1)[0]));
  CHECK(rolling_mean({}, 3).empty());
  CHECK(rolling_window(10) == 5);
  CHECK(rolling_window(4000) == 40);
  CHECK(rolling_window(1000000) == 100);
}

TEST_CASE("a long column is thinned evenly, and ends where it ends; a short one stays") {
  for (const std::size_t n : {1, 10, 799, 800, 801, 23456}) {
    std::vector<double> x(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<double>(i);
    const auto points = thinned(x, x, 800);
    CHECK(points.size() <= 800);
    CHECK(points.size() > (n <= 800 ? n - 1 : 399));
    CHECK(points.back().x == x.back());
    for (std::size_t i = 2; i < points.size(); ++i)
      CHECK(points[i].x - points[i - 1].x == points[1].x - points[0].x);
  }
  CHECK(thinned({}, {}).empty());
}
