#include "metalearn/snapshots/run_state.hpp"

#include <doctest/doctest.h>

#include "checkpoints/error.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

RunState some_state(const Config& c) {
  RunState s = RunState::begin(initial_theta(c.rule, 3));
  std::vector<float> gradient(s.theta.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = 0.01f * static_cast<float>(i % 17);
  adam_step({}, 0.01, gradient, s.adam, s.theta);
  s.update = 12;
  s.consecutive_failures = 2;
  s.validation = {{10, {0, 1.5, 0.4}}, {10, {25, 1.25, 0.5}}};
  return s;
}

}  // namespace

TEST_CASE("a state comes back from an archive with the same bits") {
  const Config c = tiny_config();
  const TrainerParts parts = toy_parts()(c);
  InFlightPool pool(c, parts.make_task), restored(c, parts.make_task);
  pool.fill(*parts.estimator, std::vector<float>(10, 0.5f), autodiff::Parallel(1));
  const RunState s = some_state(c);
  const checkpoints::Archive archive = to_archive(c, s, pool, {"one fact", "another"});

  CHECK(config_from(archive).to_map() == c.to_map());
  CHECK(provenance_from(archive) == std::vector<std::string>{"one fact", "another"});
  const RunState t = state_from(archive, c);
  CHECK(t.theta == s.theta);
  CHECK(t.theta_average == s.theta_average);
  CHECK(t.adam.m == s.adam.m);
  CHECK(t.adam.v == s.adam.v);
  CHECK(t.adam.steps == 1);
  CHECK(t.update == 12);
  CHECK(t.consecutive_failures == 2);
  REQUIRE(t.validation.size() == 2);
  CHECK(t.validation[1].point.objective == 1.25);
  CHECK(t.validation[1].point.mark == 25);

  restore_pool(archive, restored);
  CHECK(restored.next_task() == pool.next_task());
  REQUIRE(restored.tasks().size() == pool.tasks().size());
  for (std::size_t i = 0; i < pool.tasks().size(); ++i) {
    CHECK(restored.tasks()[i].id == pool.tasks()[i].id);
    CHECK(restored.tasks()[i].length == pool.tasks()[i].length);
    CHECK(restored.tasks()[i].age == pool.tasks()[i].age);
    CHECK(restored.tasks()[i].phi == pool.tasks()[i].phi);
    CHECK(restored.tasks()[i].family == pool.tasks()[i].family);
  }
}

TEST_CASE("facts about the data keep their order, however many there are") {
  std::vector<std::string> facts;
  for (int i = 0; i < 10012; ++i) facts.push_back("fact " + std::to_string(i));
  const Config c = tiny_config();
  CHECK(provenance_from(to_archive(c, some_state(c), InFlightPool(c, {}), facts)) == facts);
}

TEST_CASE("theta lies in the archive under the specification's names and shapes") {
  const Config c = tiny_config();
  const InFlightPool pool(c, {});
  const RunState s = some_state(c);
  const checkpoints::Archive archive = to_archive(c, s, pool, {});
  for (const auto& t : theta_spec(c.rule).tensors) {
    const auto& numbers = archive.numbers<float>("theta/" + t.name, t.shape);
    CHECK(numbers.front() == s.theta[static_cast<std::size_t>(t.offset)]);
    CHECK(numbers.back() == s.theta[static_cast<std::size_t>(t.offset + t.size() - 1)]);
  }
  CHECK(theta_from(archive, "theta", c.rule) == s.theta);
}

TEST_CASE(
    "the best validation is the most accurate after at least one inner step, then of the lowest objective, "
    "then the earliest") {
  CHECK_FALSE(best({}));
  CHECK_FALSE(best({{50, {0, 0.1, 0.99}}}));
  const auto winner = best({{50, {0, 0.1, 0.99}},
                            {50, {10, 1.0, 0.6}},
                            {100, {10, 0.9, 0.6}},
                            {150, {25, 0.9, 0.6}},
                            {200, {25, 0.5, 0.59}}});
  REQUIRE(winner);
  CHECK(winner->update == 100);
  CHECK(winner->point.mark == 10);
}

TEST_CASE("the best update and mark can be read from the archive's attributes") {
  const Config c = tiny_config();
  const checkpoints::Archive archive = to_archive(c, some_state(c), InFlightPool(c, {}), {});
  CHECK(archive.attribute<std::int64_t>("validation", "best_update") == 10);
  CHECK(archive.attribute<std::int64_t>("validation", "best_mark") == 25);
  CHECK(archive.attribute<double>("validation", "best_accuracy") == 0.5);
}

TEST_CASE("a snapshot names the version of the program that the build file has") {
  const Config c = tiny_config();
  const checkpoints::Archive archive = to_archive(c, some_state(c), InFlightPool(c, {}), {});
  const std::string version = archive.attribute<std::string>("", "program_version");
  CHECK(text_of(METALEARN_SOURCE "/CMakeLists.txt").find("project(metalearn VERSION " + version + " ") !=
        std::string::npos);
}

TEST_CASE("an archive of another architecture, or of a task past its length, is refused") {
  const Config c = tiny_config();
  const TrainerParts parts = toy_parts()(c);
  InFlightPool pool(c, parts.make_task);
  pool.fill(*parts.estimator, std::vector<float>(10, 0.5f), autodiff::Parallel(1));
  Config wider = c;
  wider.rule.H = 8;
  CHECK_THROWS_AS(state_from(to_archive(c, some_state(c), pool, {}), wider), checkpoints::BadData);

  pool.tasks()[2].age = pool.tasks()[2].length;
  InFlightPool restored(c, parts.make_task);
  CHECK_THROWS_AS(restore_pool(to_archive(c, some_state(c), pool, {}), restored), checkpoints::BadData);

  Config more = c;
  more.in_flight = 8;
  InFlightPool larger(more, parts.make_task);
  pool.tasks()[2].age = 0;
  CHECK_THROWS_AS(restore_pool(to_archive(c, some_state(c), pool, {}), larger), checkpoints::BadData);

  pool.tasks()[2].phi.push_back(0);
  InFlightPool again(c, parts.make_task);
  CHECK_THROWS_AS(restore_pool(to_archive(c, some_state(c), pool, {}), again), checkpoints::BadData);
}
