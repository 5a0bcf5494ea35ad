// Crashes: kill -9 at random moments, and processes that compete for one run. Counts are for
// METALEARN_FULL=1; without it a fifth of them.
#include <random>

#include "../full_counts.hpp"
#include "checkpoints/run_directory.hpp"
#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;
using Clock = std::chrono::steady_clock;

namespace {

int scaled(int full) { return full_counts() ? full : full / 5; }

/// A run with everything that a snapshot holds: many updates, each saved, some validated.
std::vector<std::string> words(const std::string& run) {
  return with(
      with(with(tiny_training(run, "squares=data",
                              {"--validate-steps", "0,2,4", "--validate-tasks", "2", "--keep-every", "8"}),
                "--updates", "60"),
           "--save-every", "1"),
      "--validate-every", "5");
}

}  // namespace

TEST_SUITE("slow") {
  TEST_CASE(
      "a run killed at random moments while it saves every update always resumes, is never unreadable, and "
      "ends with the bits and rows of one that was not") {
    Folder folder;
    IdxImages().write(folder / "data");
    const auto start = Clock::now();
    REQUIRE(run(words("whole"), folder.path).code == 0);
    const auto whole_run =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
    const auto whole = arrays(folder / "whole");
    const auto rows = metrics(folder / "whole");

    std::mt19937_64 random(20261125);
    const int wanted = scaled(1000);
    int kills = 0, before_the_first_snapshot = 0, runs = 0;
    while (kills < wanted) {
      const std::string name = "r" + std::to_string(runs++);
      for (bool ended = false; !ended;) {
        const bool begun = !checkpoints::list_snapshots((folder / name).string()).empty();
        Child child(begun ? program({"resume", name}) : words(name), folder.path);
        if (kills < wanted) {
          std::this_thread::sleep_for(
              std::chrono::microseconds(random() % static_cast<std::uint64_t>(whole_run / 4)));
          child.kill(SIGKILL);
        }
        const Result result = child.wait();
        CAPTURE(result.err);
        ended = result.code == 0;
        if (!ended) {
          REQUIRE(result.code == 128 + SIGKILL);
          ++kills;
        }
        if (checkpoints::list_snapshots((folder / name).string()).empty()) {
          ++before_the_first_snapshot;
          continue;
        }
        const auto found = checkpoints::newest_whole_snapshot((folder / name).string());
        REQUIRE(found.damaged.empty());
        REQUIRE(found.notes.empty());
      }
      REQUIRE(arrays(folder / name) == whole);
      REQUIRE(metrics(folder / name) == rows);
      const Result verified = run(program({"verify", name}), folder.path);
      CAPTURE(verified.out);
      CHECK(verified.code == 0);
      fs::remove_all(folder / name);
    }
    MESSAGE(kills
            << " kills in " << runs << " runs, " << before_the_first_snapshot
            << " of them before the first snapshot; every run resumed and ended with the same bits and rows");
  }

  TEST_CASE(
      "of two processes that want one run, one gets it, and the other ends within a second, naming it") {
    Folder folder;
    IdxImages().write(folder / "data");
    REQUIRE(run(with(tiny_training("r", "squares=data"), "--updates", "1"), folder.path).code == 0);
    const int races = scaled(100);
    for (int race = 0; race < races; ++race) {
      const auto command = program({"resume", "r", "--updates", "90000000"});
      const auto start = Clock::now();
      Child a(command, folder.path), b(command, folder.path);
      while (a.running() && b.running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const auto took = Clock::now() - start;
      Child &loser = a.running() ? b : a, &winner = a.running() ? a : b;
      CHECK(took < std::chrono::seconds(1));
      const pid_t owner = winner.id();
      const Result lost = loser.wait();
      CAPTURE(lost.err);
      CHECK(lost.code == 75);
      CHECK(contains(lost.err, "process " + std::to_string(owner) + " is using this run directory"));
      winner.kill(SIGTERM);
      CHECK(winner.wait().code == 128 + SIGTERM);
    }
  }
}
