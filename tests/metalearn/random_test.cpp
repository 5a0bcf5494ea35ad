#include "metalearn/base/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>
#include <vector>

#include "metalearn/base/portable_math.hpp"

using namespace metalearn;

TEST_CASE("a stream is a pure function of its name") {
  Random a(1, 2, purpose("x"), 3);
  std::vector<std::uint64_t> first;
  for (int i = 0; i < 100; ++i) first.push_back(a.bits64());
  Random b(1, 2, purpose("x"), 3);
  for (std::uint64_t expected : first) CHECK(b.bits64() == expected);
}

TEST_CASE("streams are the same in every version and on every machine, to the bit") {
  // From a second implementation of Philox4x32-10 (checked with the published vector for counter 0, key 0)
  // and of the logarithm.
  Random r(1, 2, purpose("x"), 3);
  CHECK(r.bits64() == 0x9a2caaa6d57e3c81u);
  CHECK(r.uniform() == 0x1.887115e4df2f2p-1);
  CHECK(r.normal() == 0x1.62776357765ccp+0);
}

TEST_CASE("names that differ in any word, or in the order of words, give different streams") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (std::uint64_t stream = 0; stream < 10; ++stream) {
      seen.insert(Random(seed, stream).bits64());
      for (std::int64_t t = 0; t < 10; ++t) seen.insert(Random(seed, stream, t).bits64());
    }
  CHECK(seen.size() == 1100);
}

TEST_CASE("uniform numbers stay in [0, 1) and have the mean and variance of a uniform") {
  Random r(5, 0);
  double sum = 0, squares = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double u = r.uniform();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    sum += u;
    squares += u * u;
  }
  CHECK(std::abs(sum / n - 0.5) < 0.005);
  CHECK(std::abs(squares / n - 1.0 / 3) < 0.005);
}

TEST_CASE(
    "normals have mean 0, variance 1 and a normal's tails; truncated ones end at two standard deviations") {
  Random r(6, 0);
  double sum = 0, squares = 0;
  const int n = 100000;
  int beyond = 0;
  for (int i = 0; i < n; ++i) {
    const double v = r.normal();
    sum += v;
    squares += v * v;
    beyond += std::abs(v) > 2;
  }
  CHECK(std::abs(sum / n) < 0.015);
  CHECK(std::abs(squares / n - 1) < 0.02);
  CHECK(std::abs(beyond / double(n) - 0.0455) < 0.003);
  double largest = 0;
  for (int i = 0; i < n; ++i) largest = std::max(largest, std::abs(r.truncated_normal(0.5)));
  CHECK(largest <= 1.0);
  CHECK(largest > 0.99);
}

TEST_CASE("below(n) is in range and even, also where n is no power of two") {
  Random r(7, 0);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70000; ++i) ++counts.at(r.below(7));
  for (int count : counts) CHECK(std::abs(count - 10000) < 500);
  CHECK_THROWS_AS(r.below(0), std::invalid_argument);
  const std::uint64_t large = (1ull << 63) + 1;
  for (int i = 0; i < 100; ++i) CHECK(r.below(large) < large);
}

TEST_CASE("a shuffle is a permutation, and every element reaches every place equally often") {
  std::vector<std::vector<int>> counts(5, std::vector<int>(5, 0));
  for (int draw = 0; draw < 20000; ++draw) {
    std::vector<int> items(5);
    std::iota(items.begin(), items.end(), 0);
    Random(8, static_cast<std::uint64_t>(draw)).shuffle(std::span(items));
    for (std::size_t place = 0; place < 5; ++place)
      ++counts[place].at(static_cast<std::size_t>(items[place]));
    std::sort(items.begin(), items.end());
    REQUIRE(items == std::vector<int>{0, 1, 2, 3, 4});
  }
  for (const auto& row : counts)
    for (int count : row) CHECK(std::abs(count - 4000) < 300);
}

TEST_CASE("the portable logarithm, exponential, sine and cosine agree with libm") {
  for (double x : {1e-300, 1e-10, 0.3, 0.7071, 0.99999, 1.0, 1.00001, 1.5, 2.0, 10.0, 12345.678, 1e300})
    CHECK(portable::log(x) == doctest::Approx(std::log(x)).epsilon(1e-14));
  for (double x = -20; x <= 20; x += 0.37)
    CHECK(portable::exp(x) == doctest::Approx(std::exp(x)).epsilon(1e-14));
  for (double x = -6.2; x <= 6.2; x += 0.1) {
    const auto [sine, cosine] = portable::sin_cos(x);
    CHECK(std::abs(sine - std::sin(x)) < 1e-14);
    CHECK(std::abs(cosine - std::cos(x)) < 1e-14);
  }
}
