#include "metalearn/train/update.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <utility>

#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

/// A run of the toy before its first update.
struct Begun {
  explicit Begun(const Config& c, const PartsMaker& make = toy_parts(), int at_once = 1)
      : config(c),
        parts(make(config)),
        state(RunState::begin(initial_theta(config.rule, config.seed))),
        pool(config, parts.make_task),
        windows(*parts.estimator, at_once, "runs/a") {
    REQUIRE(windows.fill(pool, state.theta, {}, {}, nullptr));
  }
  std::optional<UpdateResult> update(const Stop& stop = {}) {
    return run_update(state, pool, windows, parts, config, stop);
  }
  Config config;
  TrainerParts parts;
  RunState state;
  InFlightPool pool;
  LocalWindows windows;
};

using Ages = std::vector<std::pair<std::uint64_t, std::int64_t>>;
Ages ages(const InFlightPool& pool) {
  Ages found;
  for (const auto& task : pool.tasks()) found.emplace_back(task.id, task.age);
  return found;
}

}  // namespace

TEST_CASE("an update depends on state and pool alone, and gives a new state beside the old one") {
  Begun one(tiny_config()), other(tiny_config(), toy_parts(), 3);
  const std::vector<float> before = one.state.theta;
  const Ages begun = ages(one.pool);
  const auto result = one.update(), again = other.update();
  REQUIRE(result);
  REQUIRE(again);
  CHECK(one.state.theta == before);
  CHECK(one.state.update == 0);
  CHECK(result->state.update == 1);
  CHECK(result->rows.metrics.update == 1);
  CHECK(result->state.theta != before);
  CHECK(result->state.theta == again->state.theta);
  CHECK(result->worst_window == again->worst_window);
  CHECK(ages(one.pool) != begun);
  CHECK(ages(one.pool) == ages(other.pool));
}

TEST_CASE("an update that is stopped, in its windows or its validation, has changed nothing") {
  Config c = tiny_config();
  c.validate_every = 1;
  for (const bool in_validation : {false, true}) {
    Begun run(c, [&](const Config& config) {
      TrainerParts p = toy_parts()(config);
      if (in_validation)
        p.validate = [](const std::vector<float>&, const Stop&) { return std::vector<ValidationPoint>{}; };
      return p;
    });
    const Ages begun = ages(run.pool);
    int questions = 0;
    CHECK_FALSE(run.update([&] { return !in_validation && ++questions > 1; }));
    CHECK(ages(run.pool) == begun);
    CHECK(run.windows.lost_progress().empty());
  }
}

TEST_CASE("windows are estimated in the order of their tasks on any number of threads, or not at all") {
  const auto estimates = [](int at_once, const Stop& stop) {
    Begun run(tiny_config(), toy_parts(), at_once);
    std::vector<InFlight> tasks = run.pool.tasks();
    std::vector<std::vector<float>> gradients;
    for (auto& e : run.windows.estimate(run.state.theta, tasks, 0, stop))
      gradients.push_back(std::move(e.gradient));
    return gradients;
  };
  const auto alone = estimates(1, {});
  REQUIRE(alone.size() == 7);
  CHECK(alone[0] != alone[1]);
  CHECK(estimates(3, {}) == alone);
  CHECK(estimates(3, [] { return true; }).empty());
}

TEST_CASE("a window that fails is told with its task; one that is stopped with what was lost of it") {
  /// The first window to be estimated goes wrong.
  class Wrong final : public GradientEstimator {
   public:
    explicit Wrong(bool is_stopped) : is_stopped_(is_stopped) {}
    GradientEstimate estimate(std::span<const float>, InFlight&, std::int64_t, const Stop&) override {
      if (is_stopped_) throw autodiff::UnrollStopped("a full disk");
      throw autodiff::RecomputationMismatch(2, false, "changed");
    }
    bool advance(std::span<const float>, InFlight& task, std::int64_t steps) override {
      return task.age += steps, true;
    }

   private:
    bool is_stopped_;
  };
  const auto wrong = [](bool is_stopped) {
    return [is_stopped](const Config& config) {
      TrainerParts p = toy_parts()(config);
      p.estimator = std::make_unique<Wrong>(is_stopped);
      return p;
    };
  };
  Begun broken(tiny_config(), wrong(false));
  const auto& first = broken.pool.tasks()[0];
  CHECK_THROWS_WITH_AS(broken.update(),
                       doctest::Contains(fmt::format("runs/a: update 1, task {} ({}): the state before inner "
                                                     "step {} changed",
                                                     first.id, first.family, first.age + 2)
                                             .c_str()),
                       checkpoints::MachineFault);
  Begun stopped(tiny_config(), wrong(true));
  CHECK_FALSE(stopped.update());
  CHECK(stopped.windows.lost_progress() == "a full disk");
}
