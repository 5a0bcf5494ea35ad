#include "autodiff/plan/parallel.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

using autodiff::Parallel;

TEST_CASE("every index runs exactly once, on any number of threads") {
  for (int threads : {1, 2, 4}) {
    const Parallel p(threads);
    CHECK(p.threads() == threads);
    for (std::size_t n : {0u, 1u, 2u, 1000u}) {
      std::vector<int> count(n, 0);
      p.for_each(n, [&](std::size_t i) { ++count[i]; });
      CHECK(count == std::vector<int>(n, 1));
    }
  }
  CHECK(Parallel(0).threads() >= 1);
}

TEST_CASE("an exception in one piece of work reaches the caller, and the pool stays usable") {
  const Parallel p(2);
  CHECK_THROWS_AS(p.for_each(100, [](std::size_t i) { if (i == 37) throw std::runtime_error("no"); }), std::runtime_error);
  int sum = 0;
  p.for_each(1, [&](std::size_t) { sum = 1; });
  CHECK(sum == 1);
}
