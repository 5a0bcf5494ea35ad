// How a training that diverges ends: with what it was, and a snapshot that is still good.
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <set>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/outer/adam.hpp"
#include "metalearn/outer/run_snapshot.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

/// All tasks in flight take part in every update, with windows that reach where bad ones turn non-finite.
Config eager_config() {
  Config c = tiny_config();
  c.tasks = c.in_flight = 3;
  c.window_min = c.window_max = 4;
  return c;
}

/// Nine of ten, but for the first ones.
std::set<std::uint64_t> most_tasks() {
  std::set<std::uint64_t> most;
  for (std::uint64_t id = 3; id < 200; ++id)
    if (id % 10 != 0) most.insert(id);
  return most;
}

}  // namespace

TEST_CASE("a run most of whose tasks drop for five updates ends as diverged, and its snapshot is still good") {
  Folder folder;
  const Config eager = eager_config();
  auto trainer = start_with(eager, folder / "run", [&](const Config& config) {
    TrainerParts p = toy_parts(most_tasks())(config);
    p.notes = {"not what went wrong"};
    return p;
  });
  std::string message;
  std::vector<float> last;
  try {
    trainer->run([&](const Progress&) {
      last = trainer->theta();
      return true;
    });
  } catch (const checkpoints::Diverged& e) {
    message = e.what();
    CHECK(e.exit_code == 2);
  }
  CHECK(message.find("in 5 updates in a row most tasks were dropped") != std::string::npos);
  CHECK(message.find("in the last one: dropped task ") != std::string::npos);
  CHECK(message.find("): the objective is not finite at step ") != std::string::npos);  // behind task and family
  CHECK(all_finite(last));
  trainer.reset();
  const auto resumed = resume_with(folder / "run", {}, toy_parts());
  CHECK(resumed->update() < 40);
  CHECK(all_finite(resumed->theta()));
}

TEST_CASE("while most tasks drop theta stands still, so that whatever is saved meanwhile is good") {
  Folder folder;
  Config eager = eager_config();
  eager.set("save-every", "1");
  eager.set("keep-newest", "1");
  auto trainer = start_with(eager, folder / "run", toy_parts(most_tasks()));
  std::vector<std::vector<float>> thetas;
  CHECK_THROWS_AS(trainer->run([&](const Progress&) { return thetas.push_back(trainer->theta()), true; }), checkpoints::Diverged);
  REQUIRE(thetas.size() > 5);
  for (std::size_t i = thetas.size() - 5; i < thetas.size(); ++i) CHECK(thetas[i] == thetas[thetas.size() - 6]);
  trainer.reset();
  CHECK(resume_with(folder / "run", {}, toy_parts())->theta() == thetas[thetas.size() - 6]);
}

TEST_CASE("a theta that was better than random initialisation and is worse in five validations in a row has diverged; one that never was goes on") {
  Folder folder;
  Config c = tiny_config();
  c.validate_every = 4;
  const auto parts = [](int good) {
    return [good](const Config& config) {
      TrainerParts p = toy_parts()(config);
      auto calls = std::make_shared<int>(0);
      p.validate = [good, calls](const std::vector<float>&, const Stop&) { return std::vector<ValidationPoint>{{0, 1.0, 0.5}, {10, (*calls)++ < good ? 0.9 : 1.1, 0.4}, {25, 1.2, 0.4}}; };
      return p;
    };
  };
  const auto spoiled = start_with(c, folder / "spoiled", parts(2));
  std::string message;
  try {
    spoiled->run({[](const Progress&) { return true; }});
  } catch (const checkpoints::Diverged& e) {
    message = e.what();
  }
  CHECK(spoiled->update() == 4 * (2 + 5));
  CHECK(message.find("better representations than random initialisation at update 4, and in the last 5 validations, the last at update 28, it made worse ones after any number of inner steps") != std::string::npos);
  CHECK((message.find("of family a is the highest") != std::string::npos || message.find("of family b is the highest") != std::string::npos));
  CHECK(message.find("the snapshot of update 4 is still good") != std::string::npos);
  CHECK(read_run_snapshot(checkpoints::snapshot_path(folder / "spoiled", 4)).generation == 4);

  const auto not_finite = start_with(c, folder / "not-finite", [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    auto calls = std::make_shared<int>(0);
    p.validate = [calls](const std::vector<float>&, const Stop&) {
      return std::vector<ValidationPoint>{{0, 1.0, 0.5}, {10, (*calls)++ < 1 ? 0.9 : std::numeric_limits<double>::quiet_NaN(), 0.4}};
    };
    return p;
  });
  CHECK_THROWS_AS(not_finite->run({[](const Progress&) { return true; }}), checkpoints::Diverged);
  CHECK(not_finite->update() == 4 * (1 + 5));

  const auto never = start_with(c, folder / "never", parts(0));
  never->run({[](const Progress&) { return true; }});
  CHECK(never->update() == 40);
}

TEST_CASE("a theta that leaves the range of its numbers ends the run, naming the family, and nothing of it is saved") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 10;
  c.warmup = 0;
  c.meta_rate = c.meta_rate_final = 1e39;
  const auto trainer = start_with(c, folder / "run", toy_parts());
  CHECK_THROWS_WITH_AS(trainer->run([](const Progress&) { return true; }), doctest::Contains("theta left the range of float32 at update 1; the objective of family "), checkpoints::Diverged);
  CHECK(all_finite(trainer->theta()));
  CHECK(checkpoints::list_snapshots(folder / "run").size() == 1);
  CHECK_NOTHROW(checkpoints::load_snapshot(checkpoints::snapshot_path(folder / "run", 0)));
}
