#include "metalearn/snapshots/trained_theta.hpp"

#include <doctest/doctest.h>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

/// Trains the toy for 20 updates, validated every 5: best at 10, mark 25. Returns the averaged theta at 10.
std::vector<float> train(const Config& config, const std::string& directory) {
  auto calls = std::make_shared<int>(0);
  std::vector<float> at_best;
  const auto trainer = start_with(config, directory, [&](const Config& c) {
    TrainerParts p = toy_parts()(c);
    p.validate = [&at_best, calls](const std::vector<float>& theta, const Stop&) {
      if (++*calls == 2) at_best = theta;
      return std::vector<ValidationPoint>{{0, 1.4, 0.3}, {10, 1.2, 0.4}, {25, 1.1, *calls == 2 ? 0.8 : 0.35}};
    };
    return p;
  });
  trainer->run([](const Progress&) { return true; });
  return at_best;
}

}  // namespace

TEST_CASE(
    "of a run directory the snapshot and mark that meta-validation chose are taken, with the averaged "
    "theta") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 20;
  c.validate_every = 5;
  const auto at_best = train(c, folder / "run");
  const TrainedTheta t = load_trained_theta(folder / "run");
  CHECK(t.update == 10);
  CHECK(t.mark == 25);
  CHECK(t.theta == at_best);
  CHECK(t.file == checkpoints::snapshot_path(folder / "run", 10));
  CHECK(t.config.rule.H == c.rule.H);
}

TEST_CASE("a snapshot named by its file is taken, whatever is best") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 20;
  c.validate_every = 5;
  train(c, folder / "run");
  const TrainedTheta t = load_trained_theta(checkpoints::snapshot_path(folder / "run", 20));
  CHECK(t.update == 20);
  CHECK_FALSE(t.mark);  // update 10 is best, and it is not this one
}

TEST_CASE("asked for it, theta itself is taken in place of its average") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 4;
  const auto trainer = start_with(c, folder / "run", toy_parts());
  trainer->run([](const Progress&) { return true; });
  const TrainedTheta raw = load_trained_theta(folder / "run", true),
                     average = load_trained_theta(folder / "run");
  CHECK(raw.theta == trainer->theta());
  CHECK(raw.label == "theta as trained");
  CHECK(average.theta == trainer->theta_average());
  CHECK(average.label == "moving average");
  CHECK(raw.theta != average.theta);
  CHECK(raw.events.empty());
}

TEST_CASE("a damaged newest or best snapshot is passed over, which is said") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 20;
  c.validate_every = 5;
  c.set("save-every", "5");
  const auto at_best = train(c, folder / "run");
  std::filesystem::resize_file(checkpoints::snapshot_path(folder / "run", 20), 1000);
  const TrainedTheta t = load_trained_theta(folder / "run");
  CHECK(t.update == 10);
  CHECK(t.mark == 25);
  CHECK(t.theta == at_best);
  REQUIRE(t.events.size() == 1);
  CHECK(t.events[0].find("snapshot-00000020.h5: truncated") != std::string::npos);

  std::filesystem::resize_file(checkpoints::snapshot_path(folder / "run", 10), 1000);
  const TrainedTheta rest = load_trained_theta(folder / "run");
  CHECK(rest.update == 15);
  CHECK_FALSE(rest.mark);
  REQUIRE(rest.events.size() == 2);
  CHECK(rest.events[1].find("the best snapshot is missing or damaged (") == 0);
}

TEST_CASE("without validation the newest snapshot is taken and there is no mark") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 4;
  start_with(c, folder / "run", toy_parts())->run([](const Progress&) { return true; });
  const TrainedTheta t = load_trained_theta(folder / "run");
  CHECK(t.update == 4);
  CHECK_FALSE(t.mark);
}

TEST_CASE("a path that holds no theta is refused by name") {
  Folder folder;
  CHECK_THROWS_AS(load_trained_theta(folder / "."), checkpoints::NoInput);
  CHECK_THROWS_AS(load_trained_theta(folder / "missing.h5"), checkpoints::NoInput);
  std::ofstream(folder / "other.h5") << "not a snapshot";
  CHECK_THROWS_AS(load_trained_theta(folder / "other.h5"), checkpoints::BadData);
}
