#include "metalearn/model/representation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "metalearn/base/random.hpp"
#include "metalearn/model/phi.hpp"
#include "metalearn/model/tensor_list.hpp"

using namespace metalearn;

namespace {

const std::vector<std::int64_t> kWidths = {7, 9, 5};

/// n examples of 7 inputs, example-major.
std::vector<float> examples(std::int64_t n) {
  Random random(1, 2);
  std::vector<float> x(static_cast<std::size_t>(7 * n));
  for (float& v : x) v = static_cast<float>(random.normal());
  return x;
}

/// phi with weights large enough to matter.
std::vector<float> phi() {
  auto phi = initial_phi(kWidths, 3, 0);
  for (float& v : phi) v *= 50;
  return phi;
}

Representation::Source source(const std::vector<float>& data) {
  return [&data](std::int64_t first, std::int64_t count, std::int64_t batch, std::span<float> x) {
    for (std::int64_t e = 0; e < count; ++e)
      for (std::int64_t i = 0; i < 7; ++i)
        x[static_cast<std::size_t>(i * batch + e)] = data[static_cast<std::size_t>((first + e) * 7 + i)];
  };
}

/// x^L by the formulas of specification section 4, in double precision, statistics over all examples.
std::vector<double> by_hand(const std::vector<float>& data, std::int64_t n, const std::vector<float>& p) {
  const TensorList spec = phi_spec(kWidths);
  std::vector<double> x(data.begin(), data.end());
  for (std::size_t l = 1; l < kWidths.size(); ++l) {
    const float *W = p.data() + spec.find("W/" + std::to_string(l))->offset,
                *b = p.data() + spec.find("b/" + std::to_string(l))->offset;
    const auto below = kWidths[l - 1], units = kWidths[l];
    std::vector<double> next(static_cast<std::size_t>(n * units));
    for (std::int64_t j = 0; j < units; ++j) {
      double mean = 0, variance = 0;
      std::vector<double> a(static_cast<std::size_t>(n), 0);
      for (std::int64_t e = 0; e < n; ++e) {
        for (std::int64_t i = 0; i < below; ++i)
          a[static_cast<std::size_t>(e)] +=
              x[static_cast<std::size_t>(e * below + i)] * static_cast<double>(W[i * units + j]);
        mean += a[static_cast<std::size_t>(e)] / static_cast<double>(n);
      }
      for (const double v : a) variance += (v - mean) * (v - mean) / static_cast<double>(n);
      for (std::int64_t e = 0; e < n; ++e)
        next[static_cast<std::size_t>(e * units + j)] =
            std::max(0.0, (a[static_cast<std::size_t>(e)] - mean) / std::sqrt(variance + 1e-6) +
                              static_cast<double>(b[j]));
    }
    x = std::move(next);
  }
  return x;
}

double worst(const std::vector<float>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double error = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    error = std::max(error, std::abs(static_cast<double>(found[i]) - expected[i]));
  return error;
}

}  // namespace

TEST_CASE(
    "features with statistics of the data set are the base model's on one batch of all of it, however many "
    "chunks it takes") {
  for (const std::int64_t n : {40, 512, 1300}) {
    CAPTURE(n);
    const auto data = examples(n);
    const auto expected = by_hand(data, n, phi());
    Representation r(kWidths, Activation::relu, phi());
    r.fix_statistics(n, source(data));
    CHECK(worst(r.features(n, source(data)), expected) < 1e-4);
    CHECK(worst(r.batch_features(n, n, source(data)), expected) < 1e-4);
  }
}

TEST_CASE(
    "with fixed statistics an example's features do not depend, in any bit, on what else is computed or by "
    "how many threads") {
  const auto data = examples(1300);
  Representation all(kWidths, Activation::relu, phi());
  all.fix_statistics(1300, source(data));
  const auto together = all.features(1300, source(data));
  for (const std::int64_t e : {0, 511, 512, 777, 1299}) {
    const std::vector<float> one(data.begin() + 7 * e, data.begin() + 7 * e + 7);
    CHECK(all.features(1, source(one)) ==
          std::vector<float>(together.begin() + 5 * e, together.begin() + 5 * e + 5));
  }
  Representation threads(kWidths, Activation::relu, phi(), 3);
  threads.fix_statistics(1300, source(data));
  CHECK(threads.features(1300, source(data)) == together);
  CHECK(threads.moments()[1].variance == all.moments()[1].variance);
}

TEST_CASE("with statistics of a batch they do; the last batch is filled up with the examples before it") {
  const auto data = examples(50);
  Representation r(kWidths, Activation::relu, phi());
  const auto features = r.batch_features(50, 20, source(data));
  const std::vector<float> middle(data.begin() + 7 * 20, data.begin() + 7 * 40),
      last(data.begin() + 7 * 30, data.end());
  CHECK(worst({features.begin() + 5 * 20, features.begin() + 5 * 40}, by_hand(middle, 20, phi())) < 1e-4);
  const auto tail = by_hand(last, 20, phi());
  CHECK(worst({features.begin() + 5 * 40, features.end()}, {tail.begin() + 5 * 10, tail.end()}) < 1e-4);
}

TEST_CASE("misuse of a representation is refused") {
  CHECK_THROWS_AS(Representation(kWidths, Activation::relu, std::vector<float>(3)), std::invalid_argument);
  Representation r(kWidths, Activation::relu, phi());
  const auto data = examples(4);
  CHECK_THROWS_AS(r.features(4, source(data)), std::invalid_argument);
  CHECK_THROWS_AS(r.batch_features(4, 5, source(data)), std::invalid_argument);
  CHECK_THROWS_AS(r.batch_features(4, 1, source(data)), std::invalid_argument);
}
