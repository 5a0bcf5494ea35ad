#include "metalearn/evaluate/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace metalearn;

TEST_CASE("mean and standard error of a known case") {
  const Estimate e = estimate(std::vector<double>{1, 2, 3, 4});
  CHECK(e.mean == doctest::Approx(2.5));
  CHECK(e.standard_error == doctest::Approx(0.6454972243679028));  // sqrt(5/3 / 4)
  CHECK(estimate(std::vector<double>{7}).mean == 7);
  CHECK(std::isnan(estimate(std::vector<double>{7}).standard_error));  // one says nothing of its error
}

TEST_CASE("one value that is not a number is not averaged away") {
  for (std::size_t size : {1, 3}) {
    std::vector<double> values(size, 1.0);
    values.back() = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(estimate(values).mean));
    CHECK(std::isnan(estimate(values).standard_error));
  }
}
