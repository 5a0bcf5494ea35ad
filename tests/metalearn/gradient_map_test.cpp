#include "metalearn/analysis/gradient_map.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "autodiff/unroll/budget.hpp"
#include "metalearn/windows/windowed.hpp"
#include "small_task.hpp"

using namespace outer_test;

namespace {

TaskDistribution tasks_of(const Config& config) { return {config.task, {small_dataset()}, config.seed}; }

GradientMapOptions small_grid() {
  return {.inner_rates = {1e-3, 1e-1}, .lengths = {3, 8}, .windows = {1, 4}, .tasks = 3, .threads = 1};
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
bool same(const Estimate& a, const Estimate& b) {
  return same(a.mean, b.mean) && same(a.standard_error, b.standard_error);
}

/// All but the seconds.
bool same(const LengthFigures& a, const LengthFigures& b) {
  bool equal = a.inner_rate == b.inner_rate && a.length == b.length && a.tasks == b.tasks &&
               same(a.growth, b.growth) && same(a.agreement, b.agreement) && a.digits == b.digits &&
               a.without_digits == b.without_digits && a.failures == b.failures &&
               a.windows.size() == b.windows.size();
  for (std::size_t i = 0; equal && i < a.windows.size(); ++i) {
    const auto &v = a.windows[i], &w = b.windows[i];
    equal = v.window == w.window && v.finite == w.finite && same(v.norm, w.norm) &&
            same(v.cosine, w.cosine) && same(v.signal_to_noise, w.signal_to_noise);
  }
  return equal;
}

}  // namespace

TEST_CASE(
    "a map has each rate and length in order, the windows that are shorter, and the exact gradient, to which "
    "it has cosine 1") {
  const Config c = small_config();
  auto options = small_grid();
  std::int64_t begun = 0;
  options.on_begin = [&](double, std::int64_t) { ++begun; };
  const auto map = gradient_map(c, initial_theta(c.rule, 1), tasks_of(c), options);
  CHECK(begun == 6);
  REQUIRE(map.size() == 4);
  for (std::size_t i = 0; i < map.size(); ++i) {
    const auto& f = map[i];
    CHECK(f.inner_rate == options.inner_rates[i / 2]);
    CHECK(f.length == options.lengths[i % 2]);
    CHECK(f.tasks == 3);
    CHECK(f.failures.empty());
    CHECK(std::isfinite(f.growth.mean));
    CHECK(f.agreement.mean > 0.99);
    CHECK(f.digits > 1.5);
    CHECK(f.has_digits());
    REQUIRE(f.windows.size() == (f.length == 3 ? 2 : 3));
    CHECK(f.windows.front().window == 1);
    CHECK(f.windows.back().window == f.length);
    CHECK(f.windows.back().cosine.mean == 1);
    CHECK(f.windows.back().cosine.standard_error == 0);
    for (const auto& w : f.windows) {
      CHECK(w.finite == 3);
      CHECK(w.norm.mean > 0);
      CHECK(w.cosine.mean <= 1);
      CHECK(w.signal_to_noise > 0);
      CHECK(w.seconds > 0);
      CHECK(w.per_second ==
            doctest::Approx(std::max(0.0, w.signal_to_noise * w.signal_to_noise - 1) / w.seconds));
    }
    CHECK(f.windows.front().cosine.mean < 1);
  }
}

TEST_CASE("the exact gradient's norm is that of training with window and length both T") {
  Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  auto options = small_grid();
  options.inner_rates = {c.rule.inner_rate};
  options.lengths = {5};
  options.tasks = 1;
  const auto map = gradient_map(c, theta, tasks_of(c), options);
  c.set("unroll", "5");
  InFlight task = small_tasks(c)(0);
  task.length = 5;
  task.phi = initial_phi(task.task.widths(), options.seed ^ purpose("phi of a gradient map"), 0);
  const auto e = Windowed(c).estimate(theta, task, 0);
  double square = 0;
  for (float g : e.gradient) square += static_cast<double>(g) * static_cast<double>(g);
  CHECK(map[0].windows.back().norm.mean == doctest::Approx(std::sqrt(square)).epsilon(1e-6));
  CHECK(std::isnan(map[0].windows.back().signal_to_noise));  // of one task
}

TEST_CASE(
    "a map has the same bits on any number of threads and in any memory that is enough; below that it names "
    "the smallest") {
  const Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  auto options = small_grid();
  const auto map = gradient_map(c, theta, tasks_of(c), options);
  const auto check = [&] {
    const auto again = gradient_map(c, theta, tasks_of(c), options);
    REQUIRE(again.size() == map.size());
    for (std::size_t i = 0; i < map.size(); ++i) CHECK(same(again[i], map[i]));
  };
  options.threads = 3;
  check();
  options.memory_bytes = 1;
  std::size_t least = 0;
  try {
    gradient_map(c, theta, tasks_of(c), options);
  } catch (const autodiff::BudgetTooSmall& e) {
    least = e.smallest_bytes;
  }
  REQUIRE(least > 1);
  options.memory_bytes = least;
  check();
  options.memory_bytes = least - 1;
  options.on_begin = [](double, std::int64_t) { FAIL("began in too little memory"); };
  CHECK_THROWS_AS(gradient_map(c, theta, tasks_of(c), options), autodiff::BudgetTooSmall);
}

TEST_CASE(
    "more memory or threads never make a map compute more; two tasks that would recompute most do not run "
    "side by side, two that would not do") {
  const Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  auto options = small_grid();
  options.lengths = {300};
  options.windows = {};
  options.tasks = 2;
  const auto share = [&](std::size_t memory, int threads) {
    options.memory_bytes = memory;
    options.threads = threads;
    return gradient_map_share(c, theta, tasks_of(c), options);
  };
  std::size_t least = 0;
  try {
    share(1, 1);
  } catch (const autodiff::BudgetTooSmall& e) {
    least = e.smallest_bytes;
  }
  REQUIRE(least > 1);
  const std::size_t room = share(least, 2).each.memory_bytes,
                    kept = least - room;          // kept: the gradients that are compared
  CHECK(share(kept + 2 * room, 2).at_once == 1);  // two slots each, or all states
  CHECK(share(std::size_t{1} << 30, 2).at_once == 2);
  double before_one = 1e300, before_two = 1e300;
  for (std::size_t memory = least; memory < 4 * least; memory += least / 3) {
    const auto one = share(memory, 1), two = share(memory, 2);
    CHECK(one.at_once == 1);
    CHECK(kept + static_cast<std::size_t>(two.at_once) * two.each.memory_bytes <= memory);
    CHECK(one.cost <= before_one);
    CHECK(two.cost <= before_two);
    CHECK(two.cost <= one.cost);
    before_one = one.cost, before_two = two.cost;
  }
}

TEST_CASE(
    "a rule that blows up is reported: growth above 0, no correct digits, the step where it is not finite, "
    "and no number in the place of one") {
  const Config c = small_config();
  auto theta = initial_theta(c.rule, 1);
  for (float& x : theta) x *= 40;
  auto options = small_grid();
  options.inner_rates = {1};
  options.lengths = {4, 60};
  const auto map = gradient_map(c, theta, tasks_of(c), options);
  CHECK(map[0].failures.empty());
  CHECK(map[0].growth.mean > 0);
  CHECK(map[0].windows.back().finite == 3);
  for (const auto& f : map) {
    CHECK_FALSE(f.has_digits());
    CHECK(f.without_digits >= 2);
  }
  CHECK(map[1].digits == 0);
  REQUIRE(map[1].failures.size() == 3);
  for (const auto& failure : map[1].failures)
    CHECK(failure.find(" is not finite at step ") != std::string::npos);
  const auto& exact = map[1].windows.back();
  CHECK(exact.finite == 0);
  for (double none : {exact.norm.mean, exact.cosine.mean, exact.signal_to_noise, exact.per_second,
                      map[1].agreement.mean, map[1].windows.front().cosine.mean})
    CHECK(std::isnan(none));
}

TEST_CASE(
    "a task whose exact gradient has no correct digit is 0 in digits and not in cosine, one that is not "
    "finite not in the norms either; the counts say so") {
  const Config c = small_config();
  auto theta = initial_theta(c.rule, 1);
  for (float& x : theta) x *= 12;
  auto options = small_grid();
  options.inner_rates = {0.1, 1};
  options.lengths = {4, 16, 40};
  options.windows = {1};
  bool some_without = false, some_failed = false;
  std::vector<LengthFigures> before;
  for (options.tasks = 1; options.tasks <= 5;
       ++options.tasks) {  // the last task's numbers are what it adds to the sums
    auto map = gradient_map(c, theta, tasks_of(c), options);
    for (std::size_t i = 0; i < map.size(); ++i) {
      const auto& f = map[i];
      const auto &window = f.windows.front(), &exact = f.windows.back();
      const auto n = static_cast<double>(options.tasks);
      CHECK(f.growing == options.tasks);
      CHECK(f.agreeing == exact.finite);
      CHECK(exact.finite + static_cast<std::int64_t>(f.failures.size()) == options.tasks);
      CHECK(exact.compared == options.tasks - f.without_digits);
      CHECK(window.compared == exact.compared);
      CHECK((exact.seconds > 0) == (exact.finite > 0));
      some_without = some_without || (f.without_digits > 0 && f.has_digits());
      some_failed = some_failed || (exact.finite > 0 && exact.finite < options.tasks);
      if (before.empty()) continue;
      const auto& g = before[i];
      const double digits = n * f.digits - (n - 1) * g.digits;
      if (f.without_digits > g.without_digits) {
        CHECK(digits == doctest::Approx(0).scale(1));
        CHECK(same(window.cosine, g.windows.front().cosine));
      } else {
        CHECK(digits > 0.999);
      }
    }
    before = std::move(map);
  }
  CHECK(some_without);
  CHECK(some_failed);
}

TEST_CASE("a length at which phi is not finite in float64 either has no growth, of no task") {
  const Config c = small_config();
  auto options = small_grid();
  options.inner_rates = {1e300};
  options.tasks = 2;
  for (const auto& f : gradient_map(c, initial_theta(c.rule, 1), tasks_of(c), options)) {
    CHECK(f.growing == 0);
    CHECK(std::isnan(f.growth.mean));
    CHECK(f.without_digits == 2);
    CHECK(f.failures.size() == 2);
    CHECK(f.windows.back().seconds == 0);
  }
}

TEST_CASE("a map without a rate, length or task is refused") {
  const Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  for (int missing : {0, 1, 2}) {
    auto options = small_grid();
    if (missing == 0) options.inner_rates.clear();
    if (missing == 1) options.lengths.clear();
    if (missing == 2) options.tasks = 0;
    CHECK_THROWS_AS(gradient_map(c, theta, tasks_of(c), options), std::invalid_argument);
  }
}
