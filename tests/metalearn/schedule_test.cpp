#include "metalearn/optimise/schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/rules/update_rule.hpp"

using namespace metalearn;

namespace {

Config some() {
  Config c;
  c.meta_rate = 2e-3;
  c.meta_rate_final = 2e-4;
  c.warmup = 10;
  c.decay_horizon = 1000;
  c.length_min = 10;
  c.length_start = 20;
  c.length_max = 2000;
  c.length_horizon = 100;
  return c;
}

}  // namespace

TEST_CASE("the rate warms up linearly, then falls by half a cosine to its final value and stays") {
  Config c = some();
  CHECK(meta_rate(c, 0) == doctest::Approx(2e-3 / 10));
  CHECK(meta_rate(c, 4) == doctest::Approx(2e-3 / 2).epsilon(1e-3));
  CHECK(meta_rate(c, 500) == doctest::Approx(1.1e-3));
  CHECK(meta_rate(c, 1000) == doctest::Approx(2e-4));
  CHECK(meta_rate(c, 123456) == doctest::Approx(2e-4));
  c.warmup = 0;
  CHECK(meta_rate(c, 0) == doctest::Approx(2e-3));
}

TEST_CASE("the largest length grows log-linearly from its start to its maximum and stays") {
  const Config c = some();
  CHECK(length_limit(c, 0) == 20);
  CHECK(length_limit(c, 50) == 200);  // the geometric middle of 20 and 2000
  CHECK(length_limit(c, 100) == 2000);
  CHECK(length_limit(c, 5000) == 2000);
}

TEST_CASE("with one length for all tasks it is in force from the first update") {
  Config c = some();
  c.length_min = c.length_max = 7;
  CHECK(length_limit(c, 0) == 7);
  CHECK(length_limit(c, 100) == 7);
}

TEST_CASE("schedules don't depend on how many updates are asked for") {
  Config few = some(), many = some();
  few.updates = 5;
  many.updates = 500000;
  for (std::int64_t u : {0, 3, 77, 400}) {
    CHECK(meta_rate(few, u) == meta_rate(many, u));
    CHECK(length_limit(few, u) == length_limit(many, u));
  }
}

TEST_CASE("the merge weights have a rate of their own, in both directions, and nothing else has") {
  Config c = some();
  c.rule.identical_updates = false;
  c.merge_rate = 20;
  const TensorList theta = theta_spec(c.rule);
  const auto scale = rate_scale(c);
  REQUIRE(scale.size() == static_cast<std::size_t>(theta.size));
  CHECK(std::count(scale.begin(), scale.end(), 20.0f) == 2 * 13);  // 12 weights and an offset each
  CHECK(std::count(scale.begin(), scale.end(), 1.0f) == theta.size - 2 * 13);
  for (const char* name : {"forward/merge/w", "backward/merge/b"})
    CHECK(scale[static_cast<std::size_t>(theta.find(name)->offset)] == 20);
}
