#include "metalearn/outer/training_projection.hpp"

#include <doctest/doctest.h>

#include "outer_fixture.hpp"

using namespace outer_test;

TEST_CASE("the windows that are counted are those of the training") {
  const Config config = tiny_config();
  Folder folder;
  double steps = 0;
  start_with(config, folder / "run", toy_parts())->run([&](const Progress& p) {
    steps += static_cast<double>(p.inner_steps);
    return true;
  });
  const WindowCount count = count_windows(config, 1);
  CHECK(count.is_exact);
  CHECK(count.steps == steps);
  CHECK(count.critical == steps);  // one worker does it all
}

TEST_CASE("more workers wait for the longest windows, and never for more than one worker's") {
  const Config config = tiny_config();  // 3 windows an update
  const WindowCount one = count_windows(config, 1), two = count_windows(config, 2), three = count_windows(config, 3), many = count_windows(config, 1000);
  CHECK(two.steps == one.steps);
  CHECK(two.critical < one.critical);
  CHECK(2 * two.critical >= one.critical);
  CHECK(three.critical < two.critical);
  CHECK(many.critical == three.critical);
}

TEST_CASE("a training too long to be counted is continued as its later windows are") {
  Config config = Config::from_preset("small");  // lengths grow over 1000 updates; then windows are as long as they get
  config.tasks = 256;
  config.in_flight = 1024;
  config.updates = 3906;
  const WindowCount counted = count_windows(config, 2);
  CHECK(counted.is_exact);
  config.updates = 8000;
  const WindowCount longer = count_windows(config, 2);
  CHECK_FALSE(longer.is_exact);
  const double later = (longer.steps - counted.steps) / (8000 - 3906) / 256;
  CHECK(later > counted.steps / 3906 / 256);   // shorter ones were at the beginning
  CHECK(later < (4 + 16) / 2.0);               // the mean of whole windows
}

TEST_CASE("a projection adds validations to windows") {
  Config config = tiny_config();
  const WindowCount count{1000, 600, true};
  const StepTimes times{0.01, 0.002, 0.001};
  CHECK(training_seconds(config, count, times, 2) == doctest::Approx(6.0));  // validate-every 0
  config.validate_every = 10;                                               // of 40 updates
  config.validate_steps = {0, 25};
  config.validate_tasks = 5;
  CHECK(training_seconds(config, count, times, 2) == doctest::Approx(6.0 + 4 * 3 * 25 * 0.002));
}

TEST_CASE("steps are timed") {
  Config config = Config::from_preset("demo");
  config.rule.H = config.rule.S = 4;
  const StepTimes times = measure_steps(config, 2);
  CHECK(times.batch_seconds > 0);
  CHECK(times.validate_seconds > 0);
  CHECK(times.train_seconds > times.validate_seconds);
  CHECK(times.train_seconds > times.batch_seconds);
}
