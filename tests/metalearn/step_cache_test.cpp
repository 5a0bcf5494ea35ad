#include "metalearn/steps/step_cache.hpp"

#include <doctest/doctest.h>

#include "small_task.hpp"

using namespace outer_test;

namespace {

StepShape shape(std::int64_t width) { return {{16, width, 4}, 8, 2, 3, 1}; }

/// Runs a step once, so that its arena is there.
std::vector<float> use(StepCache::Lease& step) {
  const auto theta = initial_theta(small_config().rule, 0);
  const auto phi = initial_phi(step->shape().widths, 0, 0);
  std::vector<float> next(phi.size());
  step->advance(theta, phi, std::vector<float>(16 * 8, 0.5f), next);
  return next;
}

}  // namespace

TEST_CASE("a step that was given back is lent again for its shape") {
  StepCache cache(small_config().rule);
  { auto step = cache.borrow(shape(8)); }
  CHECK(cache.idle() == 1);
  {
    auto same = cache.borrow(shape(8));
    CHECK(cache.idle() == 0);
    CHECK(same->shape() == shape(8));
  }
  { auto other = cache.borrow(shape(16)); }
  CHECK(cache.idle() == 2);
}

TEST_CASE("two borrowers of one shape get a step each") {
  StepCache cache(small_config().rule);
  {
    auto a = cache.borrow(shape(8));
    auto b = cache.borrow(shape(8));
    CHECK(&*a != &*b);
  }
  CHECK(cache.idle() == 2);
}

TEST_CASE("beyond the limit the least recently used goes") {
  StepCache cache(small_config().rule, 1, 2);
  for (std::int64_t width : {8, 16, 24}) auto step = cache.borrow(shape(width));
  CHECK(cache.idle() == 2);
  auto newest = cache.borrow(shape(24)), older = cache.borrow(shape(16));
  CHECK(cache.idle() == 0);  // both were there; 8 is gone
}

TEST_CASE(
    "steps that are used one after the other share one arena, steps used at one time have one each, and "
    "results do not depend on that") {
  StepCache cache(small_config().rule);
  std::vector<float> apart;
  {
    auto step = cache.borrow(shape(16));
    apart = use(step);
  }
  for (std::int64_t width : {8, 24, 16}) {
    auto step = cache.borrow(shape(width));
    CHECK(cache.idle_arenas() == 0);
    const auto next = use(step);
    if (width == 16) CHECK(next == apart);
  }
  CHECK(cache.idle() == 3);
  CHECK(cache.idle_arenas() == 1);
  {
    auto a = cache.borrow(shape(8)), b = cache.borrow(shape(16));
    use(a);
    CHECK(use(b) == apart);
  }
  CHECK(cache.idle_arenas() == 2);
}
