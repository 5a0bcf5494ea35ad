#include "metalearn/train/trainer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "../autodiff/toy_segment.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/base/finite.hpp"
#include "outer_fixture.hpp"
#include "tests/support/same_bits.hpp"
#include "tests/support/without_seconds.hpp"

using namespace outer_test;
using support::same_bits;
using support::without_seconds;

namespace {

struct Run {
  std::vector<float> theta, average;
  std::string metrics;  ///< without the seconds
  std::vector<Progress> progress;
};

Run finish(Trainer& trainer, const std::string& directory) {
  Run r;
  trainer.run([&](const Progress& p) {
    r.progress.push_back(p);
    return true;
  });
  r.theta = trainer.theta();
  r.average = trainer.theta_average();
  r.metrics = without_seconds(text_of(directory + "/metrics.csv"));
  return r;
}

Run train(const Config& config, const std::string& directory, const PartsMaker& parts = toy_parts()) {
  return finish(*start_with(config, directory, parts), directory);
}

}  // namespace

TEST_CASE("20 updates, a resume and 20 more give the same bits and rows as 40 in one go") {
  Folder folder;
  Config c = tiny_config();
  c.validate_every = 7;
  const Run whole = train(c, folder / "whole");
  c.updates = 20;
  train(c, folder / "parts");
  const auto resumed = resume_with(folder / "parts", {{"updates", "40"}}, toy_parts());
  CHECK(resumed->update() == 20);
  const Run parts = finish(*resumed, folder / "parts");
  CHECK(same_bits(parts.theta, whole.theta));
  CHECK(same_bits(parts.average, whole.average));
  CHECK(parts.metrics == whole.metrics);
  CHECK(std::count(whole.metrics.begin(), whole.metrics.end(), '\n') == 41);
}

TEST_CASE("a run stopped by the caller saves, and continues with the same bits") {
  Folder folder;
  const Config c = tiny_config();
  const Run whole = train(c, folder / "whole");
  {
    const auto trainer = start_with(c, folder / "stopped", toy_parts());
    trainer->run([](const Progress& p) { return p.update < 13; });
    CHECK(trainer->update() == 13);
  }
  const Run rest = finish(*resume_with(folder / "stopped", {}, toy_parts()), folder / "stopped");
  CHECK(same_bits(rest.theta, whole.theta));
  CHECK(rest.metrics == whole.metrics);
}

TEST_CASE(
    "a run stopped between the windows of an update, or in its validation, saves the state before that "
    "update and continues with the same bits") {
  Folder folder;
  Config c = tiny_config();
  c.validate_every = 4;
  const auto patient = [](const Config& config) {  // asks before each mark, as the real one does
    TrainerParts p = toy_parts()(config);
    p.validate = [valid = p.validate](const std::vector<float>& theta, const Stop& stop) {
      return asked(stop) ? std::vector<ValidationPoint>{} : valid(theta, stop);
    };
    return p;
  };
  const Run whole = train(c, folder / "whole", patient);
  int questions = 0;
  {
    const auto trainer = start_with(c, folder / "asked", patient);
    trainer->run([](const Progress& p) { return p.update < 8; }, [&] { return ++questions < 0; });
    CHECK(questions == 8 * 3 + 2);  // before each of three windows, and in two validations
  }
  for (int yes = 1; yes <= questions; ++yes) {
    Folder one;
    CAPTURE(yes);
    {
      const auto trainer = start_with(c, one / "run", patient);
      int asked_so_far = 0;
      trainer->run([](const Progress&) { return true; }, [&] { return ++asked_so_far >= yes; });
      CHECK(trainer->update() < 8);
      CHECK(trainer->newest_snapshot() == checkpoints::snapshot_path(one / "run", trainer->update()));
      CHECK(std::filesystem::exists(trainer->newest_snapshot()));
    }
    const Run rest = finish(*resume_with(one / "run", {}, patient), one / "run");
    CHECK(same_bits(rest.theta, whole.theta));
    CHECK(rest.metrics == whole.metrics);
  }
}

TEST_CASE("a start that is asked to stop while it spreads the ages leaves nothing behind") {
  Folder folder;
  const Config c = tiny_config();
  int questions = 0;
  CHECK_FALSE(start_with(c, folder / "runs/a", toy_parts(), {}, [&] { return ++questions == 2; }));
  CHECK(questions == 2);
  CHECK_FALSE(std::filesystem::exists(folder / "runs"));
}

TEST_CASE("updates after the last snapshot are repeated, with one row each") {
  Folder folder;
  Config c = tiny_config();
  c.set("save-every", "10");
  const Run whole = train(c, folder / "whole");
  struct Killed {};
  {
    const auto trainer = start_with(c, folder / "killed", toy_parts());
    CHECK_THROWS_AS(
        trainer->run([](const Progress& p) -> bool { return p.update < 17 ? true : throw Killed{}; }),
        Killed);
  }
  const auto resumed = resume_with(folder / "killed", {}, toy_parts());
  CHECK(resumed->update() == 10);
  const Run rest = finish(*resumed, folder / "killed");
  CHECK(same_bits(rest.theta, whole.theta));
  CHECK(rest.metrics == whole.metrics);
}

TEST_CASE("the same bits on one thread and on three, whenever snapshots are saved") {
  Folder folder;
  Config c = tiny_config();
  const Run one = train(c, folder / "one");
  c.threads = 3;
  c.set("save-every", "1");
  const Run three = train(c, folder / "three");
  c.set("save-every", "1s");
  const Run timed = train(c, folder / "timed");
  CHECK(same_bits(one.theta, three.theta));
  CHECK(same_bits(one.theta, timed.theta));
  CHECK(one.metrics == three.metrics);
}

TEST_CASE("another seed trains another theta") {
  Folder folder;
  Config c = tiny_config();
  const Run a = train(c, folder / "a");
  c.seed = 1;
  CHECK_FALSE(same_bits(a.theta, train(c, folder / "b").theta));
}

TEST_CASE("training on the toy lowers its objective, and tasks that reach their length are replaced") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 200;
  c.meta_rate = c.meta_rate_final = 0.05;
  const Run r = train(c, folder / "run");
  std::int64_t replaced = 0;
  for (const auto& p : r.progress) replaced += p.replaced;
  CHECK(replaced > 20);
  CHECK(r.progress.back().objective_last < 0.6 * r.progress.front().objective_last);
}

TEST_CASE("a task that turns non-finite is dropped, reported, replaced, and never reaches theta") {
  for (const bool admits : {true, false}) {
    CAPTURE(admits);
    Folder folder;
    const Config c = tiny_config();
    const Run r = train(c, folder / "run", toy_parts({1, 5, 9}, admits));
    std::int64_t dropped = 0;
    std::vector<Event> events;
    for (const auto& p : r.progress) {
      dropped += p.dropped;
      events.insert(events.end(), p.events.begin(), p.events.end());
    }
    CHECK(dropped == 3);  // each once: it is gone afterwards
    REQUIRE(events.size() == 3);
    CHECK(events[0].kind == EventKind::dropped);
    CHECK(events[0].text.find("dropped task ") == 0);
    CHECK(events[0].text.find("(b)") != std::string::npos);
    CHECK(events[0].text.find(" is not finite ") != std::string::npos);
    CHECK(all_finite(r.theta));
    CHECK(all_finite(r.average));
  }
}

TEST_CASE("a run can't be started where one is: the message names resume") {
  Folder folder;
  const Config c = tiny_config();
  train(c, folder / "run");
  const std::string directory = folder / "run";
  CHECK_THROWS_WITH_AS(start_with(c, directory, toy_parts()),
                       (directory + ": already holds a run; resume it with `metalearn resume " + directory +
                        "`, or choose another directory")
                           .c_str(),
                       checkpoints::UsageError);
}

TEST_CASE("resuming a finished run does nothing and needs no data") {
  Folder folder;
  const Config c = tiny_config();
  const Run whole = train(c, folder / "run");
  const auto resumed = resume_with(folder / "run", {}, [](const Config&) -> TrainerParts {
    throw checkpoints::NoInput("the data is gone");
  });
  bool called = false;
  resumed->run([&](const Progress&) { return called = true; });
  CHECK_FALSE(called);
  CHECK(resumed->update() == 40);
  CHECK(same_bits(resumed->theta(), whole.theta));
  CHECK(without_seconds(text_of(folder / "run" + "/metrics.csv")) == whole.metrics);
}

TEST_CASE(
    "a state that this machine computes with other bits the second time ends a training with a code of its "
    "own, names update, task and step, and the last snapshot stays") {
  Folder folder;
  Config c = tiny_config();
  c.set("save-every", "1");
  // From update 3 on, the toy's windows are real unrolls, of which one advance gives a wrong number.
  class Faulty final : public GradientEstimator {
   public:
    Faulty(std::unique_ptr<GradientEstimator> toy, bool twice) : toy_(std::move(toy)), twice_(twice) {}
    GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                              const Stop&) override {
      if (update >= 3) {
        autodiff::test::ToySegment<float> segment;
        using autodiff::test::Recomputing;
        segment.damaged_advance = Recomputing::second_time;
        segment.damaged_twice = twice_ ? Recomputing::third_time : 0;
        std::vector<float> phi(64, 0.5f), adjoint(64), gradient(64);
        autodiff::Arena arena;
        autodiff::unroll<float>(segment, Recomputing::schedule(), phi, adjoint, gradient, arena);
      }
      return toy_->estimate(theta, task, update);
    }
    bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override {
      return toy_->advance(theta, task, steps);
    }

   private:
    std::unique_ptr<GradientEstimator> toy_;
    bool twice_;
  };
  for (const bool twice : {false, true}) {
    const auto parts = [&](const Config& config) {
      TrainerParts p = toy_parts()(config);
      p.estimator = std::make_unique<Faulty>(std::move(p.estimator), twice);
      return p;
    };
    const std::string run = folder / (twice ? "twice" : "once");
    try {
      start_with(c, run, parts)->run([](const Progress&) { return true; });
      FAIL("the damage was not noticed");
    } catch (const checkpoints::MachineFault& e) {
      const std::string message = e.what();
      CAPTURE(message);
      CHECK(e.exit_code == 76);
      CHECK(message.find(run + ": update 4, task ") == 0);
      CHECK(message.find(": the state before inner step ") != std::string::npos);
      CHECK(message.find(twice ? "computing it once more does not agree with the first time either"
                               : "computing it once more agrees with the first time") != std::string::npos);
    }
    CHECK(checkpoints::newest_whole_snapshot(run).snapshot.update == 3);
    CHECK(resume_with(run, {{"updates", "5"}}, toy_parts())->update() == 3);
  }
}

TEST_CASE(
    "a training that is stopped says why how far a window was could not be kept, and the next one, which "
    "ends, does not") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 3;
  class Stopped final : public GradientEstimator {
   public:
    explicit Stopped(std::unique_ptr<GradientEstimator> toy) : toy_(std::move(toy)) {}
    GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                              const Stop& stop) override {
      return asked(stop) ? throw autodiff::UnrollStopped("the disk is full")
                         : toy_->estimate(theta, task, update);
    }
    bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override {
      return toy_->advance(theta, task, steps);
    }

   private:
    std::unique_ptr<GradientEstimator> toy_;
  };
  const auto trainer = start_with(c, folder / "run", [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    p.estimator = std::make_unique<Stopped>(std::move(p.estimator));
    return p;
  });
  int times = 0;
  trainer->run([](const Progress&) { return true; },
               [&] { return ++times == 2; });  // once before the window, once within
  CHECK(trainer->update() == 0);
  CHECK(trainer->lost_progress() == "the disk is full");
  trainer->run([](const Progress&) { return true; });
  CHECK(trainer->update() == 3);
  CHECK(trainer->lost_progress().empty());
}

TEST_CASE(
    "a damaged newest snapshot is passed over for the one before it, which is reported, and the final bits "
    "are the same") {
  Folder folder;
  Config c = tiny_config();
  const Run whole = train(c, folder / "whole");
  c.set("save-every", "5");
  c.updates = 12;
  train(c, folder / "run");
  const auto snapshots = checkpoints::list_snapshots(folder / "run");
  REQUIRE(snapshots.back().update == 12);
  std::fstream(snapshots.back().path, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(3000)
      .put('x')
      .put('y')
      .put('z');
  const auto resumed = resume_with(folder / "run", {{"updates", "40"}}, toy_parts());
  CHECK(resumed->update() == 10);
  const Run rest = finish(*resumed, folder / "run");
  CHECK(same_bits(rest.theta, whole.theta));
  CHECK(rest.metrics == whole.metrics);
  REQUIRE(rest.progress[0].events.size() == 1);
  CHECK(rest.progress[0].events[0].kind == EventKind::snapshot);
  CHECK(rest.progress[0].events[0].text.find("snapshot-00000012.h5") != std::string::npos);
  CHECK(rest.progress[0].events[0].text.find(
            "snapshot-00000010.h5 instead; the damaged file was renamed to *.h5.damaged") !=
        std::string::npos);
  CHECK(std::filesystem::exists(snapshots.back().path + ".damaged"));
  for (const auto& s : checkpoints::list_snapshots(folder / "run")) checkpoints::load_snapshot(s.path);
}

TEST_CASE(
    "a start reports each task that it prepares, and stopped it leaves nothing behind and gives no trainer") {
  for (const int threads : {1, 3}) {
    Folder folder;
    Config c = tiny_config();
    c.threads = threads;
    std::vector<Event> events;
    CHECK(start_with(c, folder / "runs/all", toy_parts(), [&](const Progress& p) {
      events.insert(events.end(), p.events.begin(), p.events.end());
      return true;
    }));
    REQUIRE(events.size() == 7);
    CHECK(events.front() == Event{EventKind::preparing, "preparing task 1 of 7"});
    CHECK(events.back() == Event{EventKind::preparing, "preparing task 7 of 7"});
    int calls = 0;
    CHECK_FALSE(
        start_with(c, folder / "stopped/run", toy_parts(), [&](const Progress&) { return ++calls < 3; }));
    CHECK(calls == 3);
    CHECK_FALSE(std::filesystem::exists(folder / "stopped"));
  }
}

TEST_CASE("the pool is the same whether its filling is watched or not, on one thread and on three") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 3;
  const Run alone = train(c, folder / "alone");
  c.threads = 3;
  const auto watched = start_with(c, folder / "watched", toy_parts(), [](const Progress&) { return true; });
  CHECK(same_bits(finish(*watched, folder / "watched").theta, alone.theta));
}

TEST_CASE("a start that fails for any reason leaves nothing behind") {
  Folder folder;
  const auto no_memory = [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    p.make_task = [](std::uint64_t) -> InFlight { throw std::bad_alloc(); };
    return p;
  };
  CHECK_THROWS_AS(start_with(tiny_config(), folder / "runs/a", no_memory), std::bad_alloc);
  CHECK_FALSE(std::filesystem::exists(folder / "runs"));
  std::filesystem::create_directory(folder / "mine");
  std::ofstream(folder / "mine/notes.tmp") << "mine";
  CHECK_THROWS_AS(start_with(tiny_config(), folder / "mine", no_memory), std::bad_alloc);
  CHECK(text_of(folder / "mine/notes.tmp") == "mine");
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "mine"), {}) == 1);
}

TEST_CASE("a start never overwrites a user's metrics.csv or config.json") {
  const struct {
    const char *name, *text;
    bool refused;
  } rows[] = {
      {"metrics.csv", "update,objective_first,objective_last\n1,2,3\n", true},
      {"metrics.csv", "my own notes\n", true},
      {"metrics.csv", "update,objective_first,objective_last\n", false},
      {"metrics.csv", "", false},
      {"config.json", "{\"colour\": \"blue\"}", true},
      {"config.json", "not JSON", true},
      {"config.json", "[1]", true},
      {"config.json", "{\"preset\": \"small\", \"updates\": \"3\"}", false},
      {"notes.tmp", "mine", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.text);
    Folder folder;
    std::ofstream(folder / row.name) << row.text;
    std::string message;
    try {
      start_with(tiny_config(), folder / ".", toy_parts());
    } catch (const checkpoints::UsageError& e) {
      message = e.what();
    }
    CHECK((message.find(row.name) != std::string::npos) == row.refused);
    if (row.refused || row.name == std::string("notes.tmp")) CHECK(text_of(folder / row.name) == row.text);
  }
}

TEST_CASE(
    "a metrics.csv that was deleted is begun anew on resume, which is said, and the bits are the same") {
  Folder folder;
  Config c = tiny_config();
  const Run whole = train(c, folder / "whole");
  c.updates = 20;
  train(c, folder / "run");
  std::filesystem::remove(folder / "run/metrics.csv");
  const Run rest = finish(*resume_with(folder / "run", {{"updates", "40"}}, toy_parts()), folder / "run");
  CHECK(same_bits(rest.theta, whole.theta));
  REQUIRE(rest.progress[0].events.size() == 1);
  CHECK(rest.progress[0].events[0].kind == EventKind::rows_lost);
  CHECK(rest.progress[0].events[0].text ==
        folder / "run" +
            "/metrics.csv lacks 20 of the 20 rows up to the snapshot; it continues with update 21");
  CHECK(std::count(rest.metrics.begin(), rest.metrics.end(), '\n') == 21);
}

TEST_CASE("a resume to fewer updates than are done does nothing and removes nothing") {
  Folder folder;
  const Config c = tiny_config();
  const Run whole = train(c, folder / "run");
  const auto resumed = resume_with(folder / "run", {{"updates", "25"}}, toy_parts());
  resumed->run([](const Progress&) {
    FAIL("an update");
    return true;
  });
  CHECK(resumed->update() == 40);
  CHECK(same_bits(resumed->theta(), whole.theta));
  CHECK(without_seconds(text_of(folder / "run" + "/metrics.csv")) == whole.metrics);
}

TEST_CASE("a trainer names its newest snapshot") {
  Folder folder;
  Config c = tiny_config();
  const auto trainer = start_with(c, folder / "run", toy_parts());
  CHECK(trainer->newest_snapshot() == checkpoints::snapshot_path(folder / "run", 0));
  trainer->run([](const Progress& p) { return p.update < 7; });
  CHECK(trainer->newest_snapshot() == checkpoints::snapshot_path(folder / "run", 7));
}

TEST_CASE("the newest three snapshots stay, and the best by validation however old") {
  Folder folder;
  Config c = tiny_config();
  c.set("save-every", "4");
  c.validate_every = 6;
  const auto parts = [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    auto calls = std::make_shared<int>(0);
    p.validate = [calls](const std::vector<float>&, const Stop&) {
      return std::vector<ValidationPoint>{{10, 1.0, ++*calls == 2 ? 0.9 : 0.5}};
    };
    return p;
  };
  train(c, folder / "run", parts);
  std::vector<std::int64_t> updates;
  for (const auto& s : checkpoints::list_snapshots(folder / "run")) updates.push_back(s.update);
  CHECK(updates == std::vector<std::int64_t>{12, 32, 36, 40});
}

TEST_CASE("multiples of keep-every are saved and stay, and keep-newest says how many others do") {
  Folder folder;
  Config c = tiny_config();
  c.set("save-every", "4");
  c.keep_newest = 2;
  c.keep_every = 15;
  train(c, folder / "run");
  std::vector<std::int64_t> updates;
  for (const auto& s : checkpoints::list_snapshots(folder / "run")) updates.push_back(s.update);
  CHECK(updates == std::vector<std::int64_t>{0, 15, 30, 36, 40});
}

TEST_CASE("a run directory in use is refused as busy") {
  Folder folder;
  const auto first = start_with(tiny_config(), folder / "run", toy_parts());
  CHECK_THROWS_AS(resume_with(folder / "run", {}, toy_parts()), checkpoints::Busy);
}

TEST_CASE("data that has changed since the run began is refused") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 3;
  train(c, folder / "run");
  const auto changed = [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    p.provenance = {"toy: three families"};
    return p;
  };
  CHECK_THROWS_AS(resume_with(folder / "run", {{"updates", "5"}}, changed), checkpoints::BadData);
}

TEST_CASE(
    "a run of an older version whose windows are longer than its lengths goes on; a new one is not begun") {
  Folder folder;
  Config c = tiny_config();
  c.window_max = 500;  // of lengths up to 20
  CHECK_THROWS_WITH_AS(start_with(c, folder / "new", toy_parts()),
                       doctest::Contains("window-max = 500 is larger than length-max = 20"),
                       checkpoints::UsageError);
  CHECK_FALSE(std::filesystem::exists(folder / "new"));
  c.window_max = 20;
  c.updates = 3;
  train(c, folder / "run");
  const std::string path = checkpoints::list_snapshots(folder / "run").back().path;
  checkpoints::Archive archive = checkpoints::load_snapshot(path);
  archive.set("config", "window-max", std::string("500"));
  checkpoints::save_snapshot(path, archive);
  const auto resumed = resume_with(folder / "run", {{"updates", "5"}}, toy_parts());
  CHECK(resumed->config().window_max == 500);
  finish(*resumed, folder / "run");
  CHECK(resumed->update() == 5);
}

TEST_CASE("data that can't be loaded leaves no run directory behind") {
  Folder folder;
  CHECK_THROWS_AS(
      start_with(tiny_config(), folder / "run",
                 [](const Config&) -> TrainerParts { throw checkpoints::NoInput("no such file"); }),
      checkpoints::NoInput);
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
}

TEST_CASE("a run directory that can't be made is an I/O error") {
  Folder folder;
  std::ofstream(folder / "file") << "in the way";
  CHECK_THROWS_AS(start_with(tiny_config(), folder / "file/run", toy_parts()), checkpoints::IoError);
  CHECK_THROWS_AS(start_with(tiny_config(), folder / "file", toy_parts()), checkpoints::IoError);
}

TEST_CASE("there is nothing to resume in a folder without snapshots") {
  Folder folder;
  CHECK_THROWS_AS(resume_with(folder / "nothing", {}, toy_parts()), checkpoints::NoInput);
}

TEST_CASE("validation happens every so many updates, on the averaged theta, and its best mark is reported") {
  Folder folder;
  Config c = tiny_config();
  c.validate_every = 10;
  std::vector<std::vector<float>> asked;
  const auto parts = [&](const Config& config) {
    TrainerParts p = toy_parts()(config);
    p.validate = [&](const std::vector<float>& theta, const Stop&) {
      asked.push_back(theta);
      return std::vector<ValidationPoint>{
          {0, 1.0, 0.9}, {10, 1.25, 0.5}, {25, std::numeric_limits<double>::quiet_NaN(), 0.7}};
    };
    return p;
  };
  const Run r = train(c, folder / "run", parts);
  REQUIRE(asked.size() == 4);
  CHECK(same_bits(asked.back(), r.average));
  CHECK_FALSE(r.progress[8].validation_objective);
  REQUIRE(r.progress[9].validation_objective);
  CHECK(*r.progress[9].validation_objective == 1.25);
  CHECK(r.progress[9].validation_mark == 10);
  CHECK(r.progress[9].events ==
        std::vector<Event>{
            {EventKind::validation, "validation: the objective is not finite after 25 inner steps"}});
}
