#include "metalearn/train/meta_batch.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

InFlight task(std::uint64_t id, const std::string& family) {
  return {id, Task(nullptr), family, 10, 5, {0.0f}};
}

GradientEstimate estimate(std::vector<float> gradient, double first, double last) {
  GradientEstimate e;
  e.gradient = std::move(gradient);
  e.objective_first = first;
  e.objective_last = last;
  e.steps = 3;
  return e;
}

}  // namespace

TEST_CASE("each window's gradient is clipped before they are averaged") {
  const auto a = task(1, "a"), b = task(2, "b");
  const InFlight tasks[] = {a, b};
  std::vector<GradientEstimate> estimates = {estimate({30, 40}, 1, 2), estimate({0.3f, 0}, 3, 4)};
  MetricsRow row;
  const MetaBatch batch = reduce(estimates, tasks, 1.0, row);
  CHECK(batch.gradient[0] == doctest::Approx((0.6 + 0.3) / 2));
  CHECK(batch.gradient[1] == doctest::Approx(0.8 / 2));
  CHECK(row.clipped_share == 0.5);
  CHECK(row.gradient_by_family["a"] == 50);
  CHECK(row.gradient_norm == doctest::Approx(std::hypot(0.45, 0.4)));
  CHECK(row.objective.first == 2);
  CHECK(row.objective.last == 3);
  CHECK(row.by_family["b"].last == 4);
  CHECK(row.inner_steps == 6);
}

TEST_CASE("a window that is not finite contributes nothing and is named with task, family, what and step") {
  const auto a = task(17, "cifar10"), b = task(2, "glyph");
  const InFlight tasks[] = {a, b};
  GradientEstimate failed;
  failed.finite = false;
  failed.failed_step = 34;
  failed.failure = "the objective";
  std::vector<GradientEstimate> estimates = {failed, estimate({0.1f, 0.2f}, 1, 1)};
  MetricsRow row;
  const MetaBatch batch = reduce(estimates, tasks, 1.0, row);
  CHECK(batch.applied == 1);
  CHECK(batch.gradient == std::vector<float>{0.1f, 0.2f});
  CHECK(batch.dropped == std::vector<bool>{true, false});
  CHECK(batch.events ==
        std::vector<Event>{
            {EventKind::dropped, "dropped task 17 (cifar10): the objective is not finite at step 34"}});
  CHECK(row.dropped == 1);
  CHECK(row.by_family.count("cifar10") == 0);
}

TEST_CASE("a number that is not finite is found although the estimator calls the window finite") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto whole = task(1, "a"), broken = task(2, "a");
  broken.phi = {nan};
  const InFlight tasks[] = {whole, whole, broken};
  std::vector<GradientEstimate> estimates = {estimate({1, nan}, 1, 1), estimate({1, 1}, nan, 1),
                                             estimate({1, 1}, 1, 1)};
  MetricsRow row;
  const MetaBatch batch = reduce(estimates, tasks, 1.0, row);
  CHECK(batch.applied == 0);
  CHECK(batch.gradient.empty());
  CHECK(batch.events[0].text == "dropped task 1 (a): the gradient is not finite in the window up to step 5");
  CHECK(batch.events[1].text == "dropped task 1 (a): the objective is not finite in the window up to step 5");
  CHECK(batch.events[2].text == "dropped task 2 (a): phi is not finite in the window up to step 5");
  CHECK(std::isnan(row.objective.first));
}

TEST_CASE("estimates and tasks that don't belong together are refused") {
  MetricsRow row;
  std::vector<GradientEstimate> estimates(2);
  CHECK_THROWS_AS(reduce(estimates, {}, 1.0, row), std::invalid_argument);
}
