#include "metalearn/windows/in_flight.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "outer_fixture.hpp"

using namespace outer_test;

TEST_CASE("lengths are log-uniform in the range in force: each doubling is as likely as the next") {
  Config c = tiny_config();
  c.length_min = 10;
  c.length_start = c.length_max = 79;
  std::map<int, int> doublings;
  for (std::uint64_t id = 0; id < 6000; ++id) {
    const auto length = task_length(c, id, 0);
    REQUIRE(length >= 10);
    REQUIRE(length <= 79);
    ++doublings[length < 20 ? 0 : length < 40 ? 1 : 2];
  }
  for (int i = 0; i < 3; ++i) CHECK(doublings[i] == doctest::Approx(2000).epsilon(0.08));
}

TEST_CASE("a task's length is at most what is in force at the update at which it is begun") {
  Config c = tiny_config();
  std::int64_t longest_early = 0, longest_late = 0;
  for (std::uint64_t id = 0; id < 500; ++id) {
    longest_early = std::max(longest_early, task_length(c, id, 0));
    longest_late = std::max(longest_late, task_length(c, id, c.length_horizon));
  }
  CHECK(longest_early == c.length_start);
  CHECK(longest_late == c.length_max);
}

TEST_CASE("windows are uniform in their range and end where the task ends") {
  Config c = tiny_config();
  c.window_min = 2;
  c.window_max = 5;
  std::map<std::int64_t, int> seen;
  InFlight task{0, Task(nullptr), "a", 1000000, 0, {}};
  for (task.age = 0; task.age < 4000; ++task.age) ++seen[window_length(c, task)];
  CHECK(seen.size() == 4);
  for (std::int64_t k = 2; k <= 5; ++k) CHECK(seen[k] == doctest::Approx(1000).epsilon(0.1));
  task.age = task.length - 1;
  CHECK(window_length(c, task) == 1);
}

TEST_CASE("draws depend on the seed") {
  Config a = tiny_config(), b = tiny_config();
  a.length_start = b.length_start = a.length_max = b.length_max = 10000;
  b.seed = a.seed + 1;
  int different = 0;
  for (std::uint64_t id = 0; id < 50; ++id) different += task_length(a, id, 0) != task_length(b, id, 0);
  CHECK(different > 40);
}

TEST_CASE("the first ages are spread, and leave room for a whole window") {
  Config c = tiny_config();
  std::map<std::int64_t, int> ages;
  for (std::uint64_t id = 0; id < 300; ++id) {
    const auto age = starting_age(c, id, 12);
    REQUIRE(age >= 0);
    REQUIRE(age <= 12 - c.window_max);
    ++ages[age];
  }
  CHECK(ages.size() == static_cast<std::size_t>(12 - c.window_max + 1));
}

TEST_CASE("with window and length both T every task starts at age 0 and its window is the whole unroll") {
  Config c = tiny_config();
  c.set("unroll", "17");
  for (std::uint64_t id = 0; id < 20; ++id) {
    const auto length = task_length(c, id, static_cast<std::int64_t>(id));
    CHECK(length == 17);
    CHECK(starting_age(c, id, length) == 0);
    CHECK(window_length(c, InFlight{id, Task(nullptr), "a", length, 0, {}}) == 17);
  }
}

TEST_CASE("an update takes M different tasks, and all of the pool have their turn equally often") {
  const Config c = tiny_config();  // 3 of 7
  std::vector<int> turns(7, 0);
  for (std::int64_t u = 0; u < 14; ++u) {
    auto slots = participants(c, u);
    for (auto s : slots) ++turns.at(s);
    std::sort(slots.begin(), slots.end());
    CHECK(std::unique(slots.begin(), slots.end()) == slots.end());
    CHECK(slots.size() == 3);
  }
  CHECK(turns == std::vector<int>(7, 6));
}

TEST_CASE("a replaced task is the next id at age 0, and the others stay as they are") {
  const Config c = tiny_config();
  const TrainerParts parts = toy_parts()(c);
  InFlightPool pool(c, parts.make_task);
  pool.fill(*parts.estimator, std::vector<float>(10, 0.5f), autodiff::Parallel(1));
  REQUIRE(pool.tasks().size() == 7);
  CHECK(pool.next_task() == 7);
  const auto neighbour = pool.tasks()[3].phi;
  pool.replace(2, 5);
  CHECK(pool.tasks()[2].id == 7);
  CHECK(pool.tasks()[2].age == 0);
  CHECK(pool.tasks()[2].length == task_length(c, 7, 5));
  CHECK(pool.tasks()[3].phi == neighbour);
  CHECK(pool.next_task() == 8);
}

TEST_CASE("filling the pool gives the same tasks on one thread and on two") {
  const Config c = tiny_config();
  const TrainerParts parts = toy_parts()(c);
  InFlightPool one(c, parts.make_task), two(c, parts.make_task);
  const std::vector<float> theta(10, 0.5f);
  one.fill(*parts.estimator, theta, autodiff::Parallel(1));
  two.fill(*parts.estimator, theta, autodiff::Parallel(2));
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(one.tasks()[i].age == two.tasks()[i].age);
    CHECK(one.tasks()[i].phi == two.tasks()[i].phi);
  }
  CHECK(one.mean_age() > 0);
}

TEST_CASE("a task that is not finite before it reaches its first age begins at 0, and that is said") {
  const Config c = tiny_config();
  struct Failing : GradientEstimator {
    std::uint64_t failing = 0;
    GradientEstimate estimate(std::span<const float>, InFlight&, std::int64_t, const Stop&) override {
      return {};
    }
    bool advance(std::span<const float>, InFlight& task, std::int64_t steps) override {
      return task.id != failing && (task.age += steps, true);
    }
  } estimator;
  const auto age = [&](std::uint64_t id) { return starting_age(c, id, task_length(c, id, 0)); };
  while (age(estimator.failing) == 0) REQUIRE(++estimator.failing < 7);
  InFlightPool pool(c, toy_parts()(c).make_task);
  std::vector<std::string> notes;
  pool.fill(estimator, std::vector<float>(10, 0.5f), autodiff::Parallel(2), {}, {}, &notes);
  const InFlight& failed = pool.tasks()[estimator.failing];
  CHECK(notes ==
        std::vector<std::string>{fmt::format(
            "task {} ({}) should start at age {}, but is not finite after step 0; it starts at age 0",
            failed.id, failed.family, age(failed.id))});
  CHECK(failed.age == 0);
  CHECK(pool.mean_age() > 0);
}

TEST_CASE("a phi that is not of the task's architecture is refused") {
  const Config c = tiny_config();
  InFlightPool pool(c, toy_parts()(c).make_task);
  CHECK_THROWS_WITH_AS(pool.restore(4, 10, 2, {1.0f}),
                       "phi of in-flight task 4 (a) has 1 numbers, but its architecture has 3",
                       std::invalid_argument);
}
