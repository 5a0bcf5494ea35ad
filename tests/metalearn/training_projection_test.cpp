#include "metalearn/analysis/training_projection.hpp"
#include "metalearn/data/sources/load_dataset.hpp"

#include <doctest/doctest.h>

#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

WindowCount count(const Config& config, std::vector<std::int64_t> workers) {
  return count_windows(config, workers);
}

}  // namespace

TEST_CASE("the windows that are counted are those of the training") {
  const Config config = tiny_config();
  Folder folder;
  double steps = 0;
  start_with(config, folder / "run", toy_parts())->run([&](const Progress& p) {
    steps += static_cast<double>(p.inner_steps);
    return true;
  });
  const WindowCount counted = count(config, {1});
  CHECK(counted.like == 0);
  CHECK(counted.steps == steps);
  CHECK(counted.critical == std::vector<double>{steps});  // one worker does it all
}

TEST_CASE("more workers wait for the longest windows, and never for more than one worker's") {
  const Config config = tiny_config();  // 3 windows an update
  const WindowCount all = count(config, {1, 2, 3, 1000});
  const double one = all.critical[0], two = all.critical[1], three = all.critical[2], many = all.critical[3];
  CHECK(one == all.steps);
  CHECK(two < one);
  CHECK(2 * two >= one);
  CHECK(three < two);
  CHECK(many == three);
}

TEST_CASE("of a training too long to be counted, what stands for the rest is from when lengths have grown") {
  for (const char* preset : {"small", "paper-tasks"}) {
    CAPTURE(preset);
    Config config = Config::from_preset(preset);
    config.tasks = 256;
    config.in_flight = 512;
    config.length_horizon = 1000;
    config.updates = 31000;
    const WindowCount exact = count(config, {2});
    CHECK(exact.counted == 31000);
    config.updates = 200000;
    const WindowCount longer = count(config, {2});
    CHECK(longer.like > 0);
    CHECK(longer.counted > 1000);
    CHECK(longer.counted < 31000);
    // As much in each later update as in the later half of those that were counted one by one.
    config.updates = 15500;
    const double later = (exact.steps - count(config, {2}).steps) / 15500,
                 taken = (longer.steps - exact.steps) / (200000 - 31000);
    CHECK(taken == doctest::Approx(later).epsilon(0.005));
    CHECK(longer.critical[0] / longer.steps ==
          doctest::Approx(exact.critical[0] / exact.steps).epsilon(0.005));
  }
}

TEST_CASE("a projection adds validations and evaluations to windows, and what a budget computes again") {
  Config config = tiny_config();
  const StepTimes times{.forward_seconds = 0.002,
                        .reverse_seconds = 0.004,
                        .batch_seconds = 0.0015,
                        .unlabelled_seconds = 0.0005};
  CHECK(times.train_seconds() == doctest::Approx(0.01));
  const auto seconds = [&](double evaluations = 2, std::vector<double> sets = {}) {
    return training_seconds(config, 600, times, evaluations, sets, 2);
  };
  CHECK(seconds() == doctest::Approx(6.0));  // validate-every 0
  CHECK(seconds(3) == doctest::Approx(7.5));
  config.validate_every = 10;  // of 40 updates
  config.validate_steps = {0, 25};
  config.validate_tasks = 5;
  CHECK(seconds() == doctest::Approx(6.0 + 4 * 3 * 25 * 0.0025));
  config.eval_every = 15;
  config.eval_steps = {0, 10};
  config.eval_seeds = 3;
  CHECK(seconds(2, {0.01, 0.02}) == doctest::Approx(6.0 + 4 * 3 * 25 * 0.0025 + 2 * 2 * 10 * 0.03));
}

TEST_CASE("steps are timed, of the tasks that a training would draw") {
  Config config = Config::from_preset("demo");
  config.rule.H = config.rule.S = 4;
  const auto glyph = load_dataset("glyph", config.task.load);
  const StepTimes times = measure_steps(config, TaskDistribution(config.task, {glyph}, 0), 2, 0);
  for (const double seconds :
       {times.forward_seconds, times.reverse_seconds, times.batch_seconds, times.unlabelled_seconds})
    CHECK(seconds > 0);
  CHECK(times.batch_seconds > times.unlabelled_seconds);
  const std::vector<std::shared_ptr<const Dataset>> sets = {glyph, glyph};
  CHECK(measure_evaluations(config, sets).size() == 2);
  CHECK(measure_evaluations(config, sets)[1] > 0);
}
