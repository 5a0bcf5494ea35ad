// The journal of a window that takes long: a training that is killed within one goes on in the middle, with the same bits.
#include <random>

#include "../full_counts.hpp"
#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;
using Clock = std::chrono::steady_clock;

namespace {

/// One update of one window of T steps, within a budget that makes most of them run more than once.
std::vector<std::string> words(const std::string& run, int T, const std::vector<std::string>& more = {}) {
  const std::string steps = std::to_string(T);
  auto all = with(with(with(tiny_training(run, "squares=data", {"--length-start", steps}), "--updates", "1"), "--tasks", "1"), "--in-flight", "1");
  for (const char* key : {"--window-min", "--window-max", "--length-min", "--length-max"}) all = with(all, key, steps);
  all.insert(all.end(), {"--memory", "3MiB", "--telemetry", "true", "--journal-every", "0.005"});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool has_journal(const fs::path& run) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(run, none))
    if (entry.path().extension() == ".journal") return true;
  return false;
}

/// Kills trainings at random moments, each going on where the one before was killed, until `wanted` kills had a journal to go on from. Each ends with the bits of one that was not killed.
void kill_often(int T, int wanted, const std::vector<std::string>& more) {
  Folder folder;
  IdxImages().write(folder / "data");
  fs::create_directory(folder / "disk");
  const auto start = Clock::now();
  REQUIRE(run(words("whole", T, more), folder.path).code == 0);
  const auto whole_run = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
  CHECK_FALSE(has_journal(folder / "whole"));
  const auto whole = arrays(folder / "whole");
  std::mt19937_64 random(20261126);
  int kills = 0, runs = 0;
  while (kills < wanted) {
    const std::string name = "r" + std::to_string(runs++);
    for (bool ended = false; !ended;) {
      Child child(snapshots(folder / name).empty() ? words(name, T, more) : program({"resume", name}), folder.path);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % static_cast<std::uint64_t>(whole_run)));
      if (kills < wanted) child.kill(SIGKILL);
      const Result result = child.wait();
      CAPTURE(result.err);
      ended = result.code == 0;
      if (!ended) REQUIRE(result.code == 128 + SIGKILL);
      kills += !ended && has_journal(folder / name);
    }
    REQUIRE(arrays(folder / name) == whole);
    CHECK(metrics(folder / name) == metrics(folder / "whole"));
    CHECK(slurp(folder / name / "steps.csv") == slurp(folder / "whole/steps.csv"));
    CHECK_FALSE(has_journal(folder / name));
    fs::remove_all(folder / name);
  }
  MESSAGE(kills << " kills within a window of " << T << " steps, in " << runs << " runs");
}

}  // namespace

TEST_CASE("a training that is killed within a long window goes on in the middle of it, with the same bits and rows, and leaves no journal") {
  kill_often(400, 4, {});
  kill_often(400, 2, {"--disk", "1MiB", "--disk-dir", "disk"});
}

TEST_CASE("a journal that is damaged, or another budget's, is passed over: the window starts again, with the same bits") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(words("whole", 400), folder.path).code == 0);
  const auto killed = [&](const std::string& name) {
    Child child(words(name, 400), folder.path);
    while (child.running() && !has_journal(folder / name)) std::this_thread::sleep_for(std::chrono::microseconds(200));
    child.kill(SIGKILL);
    REQUIRE(child.wait().code == 128 + SIGKILL);
    REQUIRE(has_journal(folder / name));
  };
  killed("damaged");
  for (const auto& entry : fs::directory_iterator(folder / "damaged"))
    if (entry.path().extension() == ".journal") spill(entry.path(), slurp(entry.path()).substr(0, 1000));
  REQUIRE(run(program({"resume", "damaged"}), folder.path).code == 0);
  killed("other");
  REQUIRE(run(program({"resume", "other", "--memory", "2900KiB"}), folder.path).code == 0);
  for (const char* name : {"damaged", "other"}) {
    CHECK(arrays(folder / name) == arrays(folder / "whole"));
    CHECK_FALSE(has_journal(folder / name));
  }
}

TEST_SUITE("slow") {
  TEST_CASE("a window of 2000 steps that is killed at random moments always ends with the same bits") { kill_often(2000, full_counts() ? 50 : 10, {}); }
}
