#include "metalearn/outer/step_cache.hpp"

#include <doctest/doctest.h>

#include "small_task.hpp"

using namespace outer_test;

namespace {

StepShape shape(std::int64_t width) { return {{16, width, 4}, 8, 2, 3, 1}; }

/// Runs a step once, so that its arena is there.
void use(StepCache::Lease& step) {
  const auto theta = initial_theta(small_config().rule, 0);
  const auto phi = initial_phi(step->shape().widths, 0, 0);
  std::vector<float> next(phi.size());
  step->advance(theta, phi, std::vector<float>(16 * 8, 0.5f), next);
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
  StepCache cache(small_config().rule, 1, {2, std::size_t{1} << 40});
  for (std::int64_t width : {8, 16, 24}) auto step = cache.borrow(shape(width));
  CHECK(cache.idle() == 2);
  auto newest = cache.borrow(shape(24)), older = cache.borrow(shape(16));
  CHECK(cache.idle() == 0);  // both were there; 8 is gone
}

TEST_CASE("a step larger than the bytes allowed is kept until another shape is needed") {
  StepCache cache(small_config().rule, 1, {64, 1});
  for (int twice = 0; twice < 2; ++twice) {
    {
      auto step = cache.borrow(shape(8));
      use(step);
    }
    CHECK(cache.idle() == 1);
  }
  auto other = cache.borrow(shape(16));
  CHECK(cache.idle() == 0);
}
