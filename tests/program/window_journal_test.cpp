// The journal of a long window: a training that is killed within one resumes in the middle, with the same
// bits.
#include <random>

#include "../full_counts.hpp"
#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kLong = 500;  // inner steps: a second or two

/// One update of one window of T steps, within a budget that makes most of them run more than once.
std::vector<std::string> words(const std::string& run, int T, const std::vector<std::string>& more = {}) {
  const std::string steps = std::to_string(T);
  auto all = with(with(with(tiny_training(run, "squares=data", {"--length-start", steps}), "--updates", "1"),
                       "--tasks", "1"),
                  "--in-flight", "1");
  for (const char* key : {"--window-min", "--window-max", "--length-min", "--length-max"})
    all = with(all, key, steps);
  all.insert(all.end(), {"--memory", "3MiB", "--telemetry", "true", "--journal-every", "0.005"});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Of the one task; empty: there is none.
fs::path journal(const fs::path& run) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(run, none))
    if (entry.path().extension() == ".journal") return entry.path();
  return {};
}

bool has_journal(const fs::path& run) { return !journal(run).empty(); }

bool went_on(const Result& result) { return contains(result.err, "resumed inside its window"); }

/// Runs a training until it has written a journal, sends it the signal, and gives how it ended.
Result interrupted(const Folder& folder, const std::vector<std::string>& command, const std::string& name,
                   int signal) {
  const auto written = [&] {
    std::error_code none;  // it may be replaced right now
    return fs::last_write_time(journal(folder / name), none);
  };
  const auto before = written();
  Child child(command, folder.path);
  while (child.running() && written() == before) std::this_thread::sleep_for(std::chrono::microseconds(200));
  child.kill(signal);
  Result result = child.wait();
  CAPTURE(result.err);
  REQUIRE(result.code == 128 + signal);
  REQUIRE(has_journal(folder / name));
  return result;
}

/// Kills trainings at random moments, each resuming where the last one was killed, until `wanted` kills left
/// a journal. Each ends with the bits of an uninterrupted training.
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
    REQUIRE(runs < 20 * wanted);  // or the kills do not fall into the window
    const std::string name = "r" + std::to_string(runs++);
    for (bool ended = false; !ended;) {
      const bool can_go_on = has_journal(folder / name);
      Child child(snapshots(folder / name).empty() ? words(name, T, more) : program({"resume", name}),
                  folder.path);
      std::this_thread::sleep_for(
          std::chrono::microseconds(random() % static_cast<std::uint64_t>(whole_run)));
      if (kills < wanted) child.kill(SIGKILL);
      const Result result = child.wait();
      CAPTURE(result.err);
      ended = result.code == 0;
      if (ended) CHECK(went_on(result) == can_go_on);
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

TEST_CASE(
    "a training that is killed within a long window goes on in the middle of it, with the same bits and "
    "rows, and leaves no journal") {
  kill_often(400, 4, {});
  kill_often(400, 2, {"--disk", "1MiB", "--disk-dir", "disk"});
}

TEST_CASE(
    "a signal within a long window is answered there: the window's progress is kept, the newest snapshot "
    "stays, and a resume goes on with the same bits") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(words("whole", kLong), folder.path).code == 0);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string name = "r" + std::to_string(signal);
    for (const bool again : {false, true}) {
      const Result result =
          interrupted(folder, again ? program({"resume", name}) : words(name, kLong), name, signal);
      CHECK(contains(result.out, "stopped after 0 of 1 updates"));
      CHECK(contains(result.out,
                     "next: metalearn resume " + name + ", which also resumes the unfinished windows"));
      CHECK(snapshots(folder / name).size() == 1);
    }
    CHECK(run(program({"verify", name}), folder.path).code == 0);
    const Result rest = run(program({"resume", name}), folder.path);
    REQUIRE(rest.code == 0);
    CHECK(went_on(rest));
    CHECK(arrays(folder / name) == arrays(folder / "whole"));
    CHECK(metrics(folder / name) == metrics(folder / "whole"));
    CHECK(slurp(folder / name / "steps.csv") == slurp(folder / "whole/steps.csv"));
    CHECK_FALSE(has_journal(folder / name));
  }
}

TEST_CASE(
    "a journal that is damaged, or another budget's, is passed over, which is said: the window starts again, "
    "with the same bits") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(words("whole", kLong), folder.path).code == 0);
  const auto killed = [&](const std::string& name) {
    interrupted(folder, words(name, kLong), name, SIGKILL);
  };
  killed("damaged");
  spill(journal(folder / "damaged"), slurp(journal(folder / "damaged")).substr(0, 1000));
  const Result damaged = run(program({"resume", "damaged"}), folder.path);
  killed("other");
  const Result other = run(program({"resume", "other", "--memory", "2900KiB"}), folder.path);
  for (const auto* result : {&damaged, &other}) {
    CHECK(result->code == 0);
    CHECK_FALSE(went_on(*result));
  }
  CHECK(contains(damaged.err, "its saved window progress was skipped (damaged): the window started again"));
  CHECK(contains(other.err,
                 "its saved window progress was skipped (of another plan): the window started again"));
  for (const char* name : {"damaged", "other"}) {
    CHECK(arrays(folder / name) == arrays(folder / "whole"));
    CHECK_FALSE(has_journal(folder / name));
  }
}

TEST_CASE(
    "a journal that a kill left behind the snapshot that holds its update goes with the next resume, of a "
    "finished run or of one that goes on, without a word") {
  Folder folder;
  IdxImages().write(folder / "data");
  interrupted(folder, words("r", kLong), "r", SIGKILL);
  const fs::path left = journal(folder / "r");
  const std::string bytes = slurp(left);
  REQUIRE(run(program({"resume", "r"}), folder.path).code == 0);
  REQUIRE_FALSE(has_journal(folder / "r"));
  for (const std::string updates : {"1", "2"}) {
    spill(left, bytes);
    spill(left.string() + ".tmp", bytes.substr(0, 100));
    CHECK(run(program({"verify", "r"}), folder.path).code == 0);
    const Result result = run(program({"resume", "r", "--updates", updates}), folder.path);
    CHECK(result.code == 0);
    CHECK(contains(result.out, "finished already") == (updates == "1"));
    CHECK_FALSE(contains(result.err, "window progress was skipped"));
    CHECK_FALSE(fs::exists(left));
    CHECK_FALSE(fs::exists(left.string() + ".tmp"));
  }
}

TEST_CASE(
    "a new run in the folder of one that was killed within a window, and lost its snapshots, has nothing of "
    "it") {
  Folder folder;
  IdxImages().write(folder / "data");
  const std::vector<std::string> changed = {"--averages", "2"};
  REQUIRE(run(words("clean", kLong, changed), folder.path).code == 0);
  interrupted(folder, words("r", kLong), "r", SIGKILL);
  for (const auto& snapshot : snapshots(folder / "r")) fs::remove(snapshot);
  fs::remove(folder / "r/manifest.json");
  const Result result = run(words("r", kLong, changed), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK_FALSE(went_on(result));
  CHECK(arrays(folder / "r") == arrays(folder / "clean"));
  CHECK(metrics(folder / "r") == metrics(folder / "clean"));
  CHECK_FALSE(has_journal(folder / "r"));
}

TEST_SUITE("slow") {
  TEST_CASE("a window of 2000 steps that is killed at random moments always ends with the same bits") {
    kill_often(2000, full_counts() ? 50 : 10, {});
  }
}
