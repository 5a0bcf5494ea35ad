// A stretch of a run gives the same bits again, and where it does not, the first generation is found.
#include "metalearn/train/reproduction.hpp"

#include <doctest/doctest.h>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

const Trainer::OnProgress kGoOn = [](const Progress&) { return true; };

/// A finished run of 16 updates with snapshots of 8, 12 and 16.
struct Run {
  Run() {
    Config c = tiny_config();
    c.updates = 16;
    c.set("save-every", "4");
    start_with(c, path, toy_parts())->run(kGoOn);
  }
  Reproduction again(const Stretch& stretch, const Trainer::OnProgress& on_progress = kGoOn,
                     const PartsMaker& parts = toy_parts()) const {
    const std::string scratch = folder / ("scratch" + std::to_string(++times));
    std::filesystem::create_directory(scratch);
    return reproduce(path, stretch, scratch, on_progress, {}, parts);
  }
  std::string snapshot(std::int64_t update) const { return checkpoints::snapshot_path(path, update); }

  Folder folder;
  std::string path = folder / "run";
  mutable int times = 0;
};

std::vector<std::int64_t> generations(const Reproduction& r) {
  std::vector<std::int64_t> all;
  for (const auto& g : r.compared) all.push_back(g.generation);
  return all;
}

using Generations = std::vector<std::int64_t>;

template <class E>
std::string message(const Run& run, const Stretch& stretch) {
  try {
    run.again(stretch);
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a stretch of a run gives the bits of every snapshot and row that the run has of it") {
  const Run run;
  const auto before =
      text_of(run.path + "/metrics.csv") + text_of(run.snapshot(16)) + text_of(run.path + "/lock");
  const auto r = run.again({});
  CHECK(r.same());
  CHECK(r.from == 8);
  CHECK(r.to == 16);
  CHECK(generations(r) == Generations{12, 16});
  CHECK(r.metrics.compared == 8);
  CHECK(r.notes.empty());
  CHECK(before ==
        text_of(run.path + "/metrics.csv") + text_of(run.snapshot(16)) + text_of(run.path + "/lock"));

  CHECK(generations(run.again({.from = 12})) == Generations{16});
  const auto part = run.again({.from = 8, .to = 13, .threads = 2});
  CHECK(part.same());
  CHECK(generations(part) == Generations{12});
  CHECK(part.metrics.compared == 5);  // 9 .. 13: rows need no snapshot
}

TEST_CASE("the first generation that differs is found, and nothing after it is run") {
  const Run run;
  auto archive = load_run_snapshot(run.snapshot(12));
  auto phi = archive.numbers<float>("in_flight/0002/phi");
  phi[1] += 1;
  archive.put("in_flight/0002/phi", {3}, phi);
  checkpoints::save_snapshot(run.snapshot(12), archive);
  std::int64_t last = 0;
  const auto r = run.again({}, [&](const Progress& p) {
    last = p.update;
    return true;
  });
  CHECK(!r.same());
  CHECK(generations(r) == Generations{12});
  CHECK(last == 12);
  REQUIRE(r.compared[0].diff.differences.size() == 1);
  CHECK(r.compared[0].diff.differences[0].where == "in_flight/0002/phi");
  CHECK(r.metrics.differences.empty());
  CHECK(r.metrics.compared == 4);
}

TEST_CASE("a row that differs is found where no snapshot does") {
  const Run run;
  std::string text = text_of(run.path + "/metrics.csv");
  const auto at = text.find("\n14,") + 4;
  text[at] = text[at] == '9' ? '1' : '9';
  std::ofstream(run.path + "/metrics.csv", std::ios::binary) << text;
  const auto r = run.again({});
  CHECK(!r.same());
  REQUIRE(r.metrics.differences.size() == 1);
  CHECK(r.metrics.differences[0].where == "metrics.csv, update 14: objective_first");
}

TEST_CASE(
    "a generation that is not there is answered with those that are, and nothing to compare with is a usage "
    "error") {
  const Run run;
  CHECK(message<checkpoints::NoInput>(run, {.from = 9}) ==
        run.path + ": has no snapshot of generation 9 (it has 8, 12, 16); name one of them");
  CHECK(message<checkpoints::UsageError>(run, {.from = 16})
            .find("no snapshot to compare with after generation 16, which is the newest") !=
        std::string::npos);
  CHECK(
      message<checkpoints::UsageError>(run, {.from = 8, .to = 11}).find("after generation 8 and up to 11") !=
      std::string::npos);
}

TEST_CASE(
    "a damaged snapshot is not compared, which is noted; where it is the only one, or the start, that is an "
    "error of the run's file") {
  const Run run;
  std::filesystem::resize_file(run.snapshot(16), 1000);
  std::vector<Event> events;
  const auto r = run.again({}, [&](const Progress& p) {
    events.insert(events.end(), p.events.begin(), p.events.end());
    return true;
  });
  CHECK(r.same());
  CHECK(generations(r) == Generations{12});
  CHECK(r.to == 12);
  REQUIRE(r.notes.size() == 1);
  CHECK(r.notes[0].find("generation 16 is not compared: " + run.snapshot(16) + ": truncated") !=
        std::string::npos);
  CHECK(events == events_of(EventKind::note, r.notes));
  CHECK(message<checkpoints::BadData>(run, {.from = 12})
            .find("every snapshot after generation 12 is damaged") != std::string::npos);
  std::filesystem::resize_file(run.snapshot(8), 1000);
  CHECK(message<checkpoints::BadData>(run, {}).find(run.snapshot(8) + ": truncated") == 0);
}

TEST_CASE("without metrics.csv the snapshots are compared alone, which is noted") {
  const Run run;
  std::filesystem::remove(run.path + "/metrics.csv");
  const auto r = run.again({});
  CHECK(r.same());
  CHECK(r.metrics.compared == 0);
  REQUIRE(r.notes.size() == 1);
  CHECK(r.notes[0].find("metrics are not compared") == 0);
}

TEST_CASE("messages name the run, not the folder of the rerun") {
  const Run run;
  const auto other_data = [](const Config& c) {
    auto parts = toy_parts()(c);
    parts.provenance = {"toy: changed"};
    return parts;
  };
  try {
    run.again({}, kGoOn, other_data);
    FAIL("other data was taken");
  } catch (const checkpoints::Error& e) {
    CHECK(e.exit_code == 65);
    CHECK(std::string(e.what()).find(run.path + ": the data has changed since the run began") == 0);
  }
}

TEST_CASE("a rerun stops when it is told to") {
  const Run run;
  const auto r = run.again({}, [](const Progress& p) { return p.update < 10; });
  CHECK(r.stopped);
  CHECK(r.compared.empty());
}

TEST_CASE("kernels that give other bits are noted before the rerun") {
  const Run run;
  auto archive = load_run_snapshot(run.snapshot(8));
  archive.set("", "kernels", std::string("v9"));
  checkpoints::save_snapshot(run.snapshot(8), archive);
  std::vector<Event> events;
  const auto r = run.again({}, [&](const Progress& p) {
    events.insert(events.end(), p.events.begin(), p.events.end());
    return true;
  });
  REQUIRE(r.notes.size() == 1);
  CHECK(r.notes[0].find(run.snapshot(8) + " was made by kernels of level v9") == 0);
  CHECK(events == events_of(EventKind::note, r.notes));
}

TEST_CASE("a rerun that diverges where the run went on is a difference") {
  /// Every window fails.
  class Hopeless final : public GradientEstimator {
    GradientEstimate estimate(std::span<const float> theta, InFlight&, std::int64_t, const Stop&) override {
      GradientEstimate e;
      e.gradient.assign(theta.size(), 0.0f);
      e.finite = false;
      e.failure = "the objective";
      return e;
    }
    bool advance(std::span<const float>, InFlight&, std::int64_t) override { return true; }
  };
  const Run run;
  std::filesystem::remove(run.snapshot(12));
  const auto r = run.again({}, kGoOn, [](const Config& c) {
    auto parts = toy_parts()(c);
    parts.estimator = std::make_unique<Hopeless>();
    return parts;
  });
  CHECK(!r.same());
  CHECK(generations(r) == Generations{16});
  CHECK(to_text(r.compared[0].diff.differences.at(0))
            .find("training: continued against " + run.path + ": training diverged") == 0);
}
