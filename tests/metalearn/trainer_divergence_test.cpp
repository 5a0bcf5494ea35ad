// How a training that diverges ends: with what it was, and a snapshot that is still good.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/train/divergence.hpp"
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

TEST_CASE(
    "a run most of whose tasks drop for five updates ends as diverged, and its snapshot is still good") {
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
  CHECK(message.find("most tasks were dropped in 5 consecutive updates") != std::string::npos);
  CHECK(message.find("in the last one: dropped task ") != std::string::npos);
  CHECK(message.find("all used the theta of update ") != std::string::npos);
  CHECK(message.find("): the objective is not finite at step ") !=
        std::string::npos);  // behind task and family
  CHECK(all_finite(last));
  trainer.reset();
  const auto resumed = resume_with(folder / "run", {}, toy_parts());
  CHECK(resumed->update() < 40);
  CHECK(all_finite(resumed->theta()));
}

TEST_CASE(
    "while most tasks drop theta stands still, and what is saved takes the place of no snapshot from "
    "before") {
  Folder folder;
  Config eager = eager_config();
  eager.set("save-every", "1");
  eager.set("keep-newest", "1");
  auto trainer = start_with(eager, folder / "run", toy_parts(most_tasks()));
  std::vector<std::vector<float>> thetas;
  CHECK_THROWS_AS(trainer->run([&](const Progress&) { return thetas.push_back(trainer->theta()), true; }),
                  checkpoints::Diverged);
  REQUIRE(thetas.size() > 5);
  for (std::size_t i = thetas.size() - 5; i < thetas.size(); ++i)
    CHECK(thetas[i] == thetas[thetas.size() - 6]);
  const auto ended = static_cast<std::int64_t>(thetas.size());
  const auto generations = [&](const char* run) {
    std::vector<std::int64_t> found;
    for (const auto& s : checkpoints::list_snapshots(folder / run)) found.push_back(s.update);
    return found;
  };
  CHECK(generations("run") ==
        std::vector<std::int64_t>{ended - 5, ended - 4, ended - 3, ended - 2, ended - 1});

  eager.set("save-every", "1000");  // and where it ends meanwhile
  eager.set("keep-every", std::to_string(ended - 3));
  eager.updates = ended - 2;
  start_with(eager, folder / "ends", toy_parts(most_tasks()))->run([](const Progress&) { return true; });
  CHECK(generations("ends") == std::vector<std::int64_t>{0, ended - 3, ended - 2});
}

TEST_CASE(
    "a theta that was better than random initialisation and is worse in five validations in a row has "
    "diverged; one that never was goes on") {
  Folder folder;
  Config c = tiny_config();
  c.validate_every = 4;
  const auto parts = [](int good) {
    return [good](const Config& config) {
      TrainerParts p = toy_parts()(config);
      auto calls = std::make_shared<int>(0);
      p.validate = [good, calls](const std::vector<float>&, const Stop&) {
        return std::vector<ValidationPoint>{
            {0, 1.0, 0.5}, {10, (*calls)++ < good ? 0.9 : 1.09, 0.4}, {25, 1.2, 0.4}};
      };
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
  CHECK(
      message.find(
          "better representations than random initialisation until update 8, but in the last 5 validations, "
          "up to update 28, it made worse ones at every evaluation step; the highest objective is ") !=
      std::string::npos);
  for (const char* part :
       {", of task ", " (", ") at step ", "no snapshot has a higher accuracy than random initialisation"})
    CHECK(message.find(part) != std::string::npos);
  CHECK(read_run_snapshot(checkpoints::snapshot_path(folder / "spoiled", 4)).generation == 4);

  const auto not_finite = start_with(c, folder / "not-finite", [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    auto calls = std::make_shared<int>(0);
    p.validate = [calls](const std::vector<float>&, const Stop&) {
      return std::vector<ValidationPoint>{
          {0, 1.0, 0.5}, {10, (*calls)++ < 1 ? 0.9 : std::numeric_limits<double>::quiet_NaN(), 0.4}};
    };
    return p;
  });
  CHECK_THROWS_WITH_AS(not_finite->run({[](const Progress&) { return true; }}),
                       doctest::Contains("it made non-finite ones at every evaluation step"),
                       checkpoints::Diverged);
  CHECK(not_finite->update() == 4 * (1 + 5));

  const auto never = start_with(c, folder / "never", parts(0));
  never->run({[](const Progress&) { return true; }});
  CHECK(never->update() == 40);

  const auto far = start_with(c, folder / "far", [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    p.validate = [](const std::vector<float>&, const Stop&) {
      return std::vector<ValidationPoint>{{0, 0.8, 0.5}, {10, 0.95, 0.4}, {25, 1.2, 0.4}};
    };
    return p;
  });
  CHECK_THROWS_WITH_AS(
      far->run({[](const Progress&) { return true; }}),
      doctest::Contains("theta never made better representations than random initialisation, and in the last "
                        "5 validations, up to update 20, it made far worse ones"),
      checkpoints::Diverged);
  CHECK(far->update() == 20);
}

namespace {

/// Validations of updates 10, 20, ... in which mark 10 has this objective and accuracy, and mark 0 those of
/// random initialisation, 1 and 0.5.
struct Judged {
  Config config = tiny_config();
  std::vector<Validated> history = {};
  void add(int times, double objective, double accuracy, double less = 0) {
    for (int i = 0; i < times; ++i) {
      const std::int64_t update = 10 * (static_cast<std::int64_t>(history.size()) / 2 + 1);
      history.push_back({update, {0, 1.0, 0.5}});
      history.push_back({update, {10, objective - i * less, accuracy}});
    }
  }
  bool is_diverged() const { return !divergence(history, config).empty(); }
};

}  // namespace

TEST_CASE(
    "a higher accuracy at some mark is better too, whatever the objective; nearly as good is neither better "
    "nor worse") {
  Judged run;
  run.add(20, 1.5, 0.6);
  CHECK_FALSE(run.is_diverged());
  run.add(4, 1.05, 0.49);
  CHECK_FALSE(run.is_diverged());
  run.add(1, 1.05, 0.49);
  CHECK(divergence(run.history, run.config)
            .find("until update 200, but in the last 5 validations, up to update 250") != std::string::npos);
  run.add(1, 1.01, 0.49);
  CHECK_FALSE(run.is_diverged());
}

TEST_CASE(
    "a training that mends itself, is in its warm-up or is hardly worse than random initialisation goes on") {
  Judged mending, standing, level, warming;
  for (Judged* run : {&mending, &standing, &level, &warming}) run->add(1, 0.9, 0.6);
  mending.add(5, 1.10, 0.4, 0.003);  // from 0.1 to 0.088 above random initialisation
  CHECK_FALSE(mending.is_diverged());
  standing.add(5, 1.10, 0.4, 0.002);
  CHECK(standing.is_diverged());
  level.add(50, 1.015, 0.49);
  CHECK_FALSE(level.is_diverged());
  warming.config.warmup = 20;
  warming.add(5, 1.5, 0.4);  // the first of them at update 20
  CHECK_FALSE(warming.is_diverged());
  warming.add(1, 1.5, 0.4);
  CHECK(warming.is_diverged());

  Judged never;  // one that has not learned, and one that made it far worse
  never.add(50, 1.09, 0.4);
  CHECK_FALSE(never.is_diverged());
  never.add(5, 1.11, 0.4);
  CHECK(never.is_diverged());
  for (const std::vector<std::int64_t>& marks : {std::vector<std::int64_t>{0}, {10}}) {  // nothing to compare
    never.config.validate_steps = marks;
    CHECK_FALSE(never.is_diverged());
  }
}

TEST_CASE(
    "a run without validations is watched by its windows: what is suspicious is said once, the same after a "
    "resume, and ends nothing") {
  WindowWatch watch(4), resumed(4);
  std::string text = "update,objective_first,objective_last,seconds\n";
  const auto add = [&](std::int64_t update, double objective) {
    watch.add(update, objective);
    text +=
        fmt::format("{},1,{},0\n", update, std::isfinite(objective) ? fmt::format("{:.9g}", objective) : "");
  };
  add(1, 0.8);
  for (int i = 2; i <= 30; ++i) add(i, i % 2 ? 1.25 : 1.0);
  for (int i = 31; i <= 79; ++i) add(i, i == 40 ? std::numeric_limits<double>::quiet_NaN() : 1.3);
  CHECK(watch.suspicion().empty());
  for (int i = 80; i <= 99; ++i) add(i, 1.6);
  CHECK(watch.suspicion() ==
        "the mean objective of the windows rose from 0.800 in the first update to 1.420 over the last 50 "
        "updates");
  resumed.add(text + "100,1,0.1,0\n101,1,0", 99);
  CHECK(resumed.suspicion() == watch.suspicion());
  WindowWatch late(4);  // the first rows are gone: nothing to compare with
  for (int i = 2; i < 100; ++i) late.add(i, 1.9);
  CHECK(late.suspicion().empty());

  Folder folder;
  Config c = tiny_config();
  c.updates = 100;
  const auto growing = [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    struct Growing : GradientEstimator {
      GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                                const Stop&) override {
        GradientEstimate e;
        e.gradient.assign(theta.size(), 0.0f);
        e.objective_first = e.objective_last = update == 0 ? 0.5 : 0.5 + 0.01 * static_cast<double>(update);
        e.steps = 1, ++task.age;
        return e;
      }
      bool advance(std::span<const float>, InFlight& task, std::int64_t steps) override {
        return task.age += steps, true;
      }
    };
    p.estimator = std::make_unique<Growing>();
    return p;
  };
  const auto said = [](const std::unique_ptr<Trainer>& trainer, std::int64_t updates) {
    std::vector<std::int64_t> when;
    trainer->run([&](const Progress& p) {
      for (const auto& event : p.events)
        if (event.kind == EventKind::suspicion &&
            event.text.starts_with("the training may have diverged: the mean objective of the windows rose "
                                   "from 0.500 in the first update"))
          when.push_back(p.update);
      return p.update < updates;
    });
    return when;
  };
  const auto whole = start_with(c, folder / "whole", growing);
  CHECK(
      said(whole, 100) ==
      std::vector<std::int64_t>{
          91});  // mean over updates 42 .. 91 of 0.5 + 0.01 (update - 1): more than 0.5 + 0.3 + 0.6 / sqrt(3)
  CHECK(whole->update() == 100);
  CHECK(text_of(folder / "whole/log.csv").find("\n91,\"the training may have diverged: ") !=
        std::string::npos);
  CHECK(
      text_of(folder / "whole/log.csv")
          .find("; to be sure, turn on validations (validate-every, with validate-steps 0 and later ones)") !=
      std::string::npos);
  for (const std::vector<std::int64_t>& marks : {std::vector<std::int64_t>{0, 10}, {10}}) {
    Config validated = c;
    validated.validate_every = 100;
    validated.validate_steps = marks;
    const std::string run = folder / fmt::format("validated-{}", marks.size());
    CHECK(said(start_with(validated, run,
                          [&](const Config& config) {
                            TrainerParts p = growing(config);
                            p.validate = [&](const std::vector<float>&, const Stop&) {
                              return std::vector<ValidationPoint>{{marks.back(), 1.0, 0.5}};
                            };
                            return p;
                          }),
               99) == std::vector<std::int64_t>{91});
    CHECK((text_of(run + "/log.csv").find("; validations will decide") != std::string::npos) ==
          (marks.size() == 2));
  }
  auto part = start_with(c, folder / "part", growing);
  CHECK(said(part, 40).empty());
  part.reset();
  CHECK(said(resume_with(folder / "part", {}, growing), 95) == std::vector<std::int64_t>{91});
  CHECK(said(resume_with(folder / "part", {}, growing), 100).empty());
}

TEST_CASE(
    "a theta that leaves the range of its numbers ends the run, naming the family, and nothing of it is "
    "saved") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 10;
  c.warmup = 0;
  c.meta_rate = c.meta_rate_final = 1e39;
  const auto trainer = start_with(c, folder / "run", toy_parts());
  CHECK_THROWS_WITH_AS(
      trainer->run([](const Progress&) { return true; }),
      doctest::Contains("theta left the range of float32 at update 1: the highest objective is "),
      checkpoints::Diverged);
  CHECK(all_finite(trainer->theta()));
  CHECK(checkpoints::list_snapshots(folder / "run").size() == 1);
  CHECK_NOTHROW(checkpoints::load_snapshot(checkpoints::snapshot_path(folder / "run", 0)));
}
