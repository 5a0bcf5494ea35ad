// A power loss in the middle of a whole training: its snapshots, manifest, rows and configuration, as they
// reach the disk.
#include <doctest/doctest.h>

#include <optional>
#include <random>
#include <sstream>

#include "../checkpoints/fixture.hpp"
#include "../checkpoints/power_loss_file_system.hpp"
#include "checkpoints/run_directory.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;
using checkpoints::test::PowerLossFileSystem;

namespace {

/// In the model's memory: nothing of that name is on the machine.
const std::string kRun = "/a disk in memory/run";

Config short_config() {
  Config c = tiny_config();
  c.updates = 6;
  c.set("save-every", "1");
  c.keep_newest = 2;
  c.validate_every = 2;
  return c;
}

/// metrics.csv but for its last column, the seconds.
std::string rows(PowerLossFileSystem& files) {
  std::istringstream in(checkpoints::read_text(files, kRun + "/metrics.csv").value_or(""));
  std::string kept;
  for (std::string line; std::getline(in, line);) kept += line.substr(0, line.rfind(',')) + "\n";
  return kept;
}

void finish(Trainer& trainer) {
  trainer.run([](const Progress&) { return true; });
}

}  // namespace

TEST_CASE(
    "a training that loses its power at any moment goes on to the same bits and rows, or had saved nothing "
    "yet") {
  PowerLossFileSystem files;
  finish(*start_with(short_config(), kRun, toy_parts(), {}, {}, files));
  const auto whole = checkpoints::newest_whole_snapshot(kRun, files);
  const std::string whole_rows = rows(files);
  REQUIRE(std::count(whole_rows.begin(), whole_rows.end(), '\n') == 7);

  std::mt19937 random(7);
  int states = 0, resumed = 0, empty = 0;
  for (std::size_t count = 0; count <= files.changes(); ++count)
    files.crash_states(count, [&](const PowerLossFileSystem::Disk& disk) {
      ++states;
      if (random() % 40 != 0) return;
      PowerLossFileSystem found(disk);
      const auto newest = [&]() -> std::optional<checkpoints::NewestWhole> {
        try {
          return checkpoints::newest_whole_snapshot(kRun, found);
        } catch (const checkpoints::NoInput&) {
          return {};
        }
      }();
      if (!newest) {
        ++empty;
        return;
      }
      REQUIRE(newest->damaged.empty());
      REQUIRE(newest->notes.empty());
      std::vector<Event> events;
      const auto trainer = resume_with(kRun, {}, toy_parts(), found);
      trainer->run([&](const Progress& p) {
        events.insert(events.end(), p.events.begin(), p.events.end());
        return true;
      });
      for (const auto& event : events) REQUIRE_MESSAGE(event.kind != EventKind::rows_lost, event.text);
      REQUIRE(checkpoints::newest_whole_snapshot(kRun, found).archive.arrays() == whole.archive.arrays());
      REQUIRE(rows(found) == whole_rows);
      ++resumed;
    });
  MESSAGE(resumed << " resumed of " << states << " states, " << empty << " without a snapshot yet");
  CHECK(resumed > 50);
  CHECK(empty > 0);
}
