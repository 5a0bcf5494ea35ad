// Training as a user sees it: runs end, stop, continue, and give the same bits however they were run.
#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"

using namespace program_test;

namespace {

/// Everything that the next update depends on: all arrays of a run's newest snapshot.
std::map<std::string, checkpoints::Array> arrays(const fs::path& run) {
  const auto found = snapshots(run);
  REQUIRE(!found.empty());
  return checkpoints::load_snapshot(found.back().string()).arrays();
}

bool same_bits(const std::map<std::string, checkpoints::Array>& a, const std::map<std::string, checkpoints::Array>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first && x.second.shape == y.second.shape && x.second.data == y.second.data; });
}

/// metrics.csv without its last column, the seconds.
std::string metrics(const fs::path& run) {
  std::istringstream lines(slurp(run / "metrics.csv"));
  std::string kept;
  for (std::string line; std::getline(lines, line);) kept += line.substr(0, line.rfind(',')) + "\n";
  return kept;
}

}  // namespace

TEST_CASE("a run ends with its snapshot and says where it is and what comes next") {
  Folder folder;
  IdxImages().write(folder / "data");
  const Result result = run(tiny_training("runs/a", "squares=data"), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.out, "finished after 6 of 6 updates"));
  CHECK(contains(result.out, "next: metalearn eval --theta runs/a"));
  const auto found = snapshots(folder / "runs/a");
  REQUIRE(!found.empty());
  CHECK(contains(result.out, fs::relative(found.back(), folder.path).string()));
  CHECK(contains(result.err, "update 6/6"));
  CHECK(!contains(result.err, "\r"));  // no terminal, no live line
  const std::string csv = slurp(folder / "runs/a/metrics.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 7);

  SUBCASE("starting again in the same directory is refused with the command that continues it") {
    const auto before = arrays(folder / "runs/a");
    const Result again = run(tiny_training("runs/a", "squares=data"), folder.path);
    CHECK(again.code == 64);
    CHECK(contains(again.err, "metalearn resume runs/a"));
    CHECK(same_bits(before, arrays(folder / "runs/a")));
  }
  SUBCASE("resuming a finished run does nothing and says so") {
    const Result again = run(program({"resume", "runs/a"}), folder.path);
    CHECK(again.code == 0);
    CHECK(contains(again.out, "finished already"));
  }
  SUBCASE("inspect shows configuration, provenance and theta") {
    for (const std::string& what : std::vector<std::string>{"runs/a", found.back().string()}) {
      const Result shown = run(program({"inspect", what}), folder.path);
      CHECK(shown.code == 0);
      for (const char* part : {"theta/top_delta/conv0/w", "inner-rate", "squares", "2-norm"}) CHECK(contains(shown.out, part));
    }
  }
}

TEST_CASE("a run that was stopped and resumed, from another folder and on other threads, gives the same bits as one that was not") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("whole", "squares=data", {"--threads", "1"}), folder.path).code == 0);
  std::vector<std::string> words = tiny_training("parts", "squares=data", {"--threads", "2"});
  *(std::find(words.begin(), words.end(), "--updates") + 1) = "3";
  REQUIRE(run(words, folder.path).code == 0);
  fs::create_directories(folder / "elsewhere");
  const Result resumed = run(program({"resume", "../parts", "--updates", "6"}), folder / "elsewhere");
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(same_bits(arrays(folder / "whole"), arrays(folder / "parts")));
  CHECK(metrics(folder / "whole") == metrics(folder / "parts"));
}

TEST_CASE("another seed gives another theta") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("a", "squares=data"), folder.path).code == 0);
  REQUIRE(run(tiny_training("b", "squares=data", {"--seed", "1"}), folder.path).code == 0);
  CHECK(!same_bits(arrays(folder / "a"), arrays(folder / "b")));
}

TEST_CASE("a run that gets a signal saves, says so by its exit code, and can be resumed") {
  for (const int signal : {SIGINT, SIGTERM}) {
    Folder folder;
    IdxImages().write(folder / "data");
    std::vector<std::string> words = tiny_training("r", "squares=data");
    *(std::find(words.begin(), words.end(), "--updates") + 1) = "1000000";
    Child child(words, folder.path);
    const auto rows = [&] {
      const std::string csv = slurp(folder / "r/metrics.csv");
      return std::count(csv.begin(), csv.end(), '\n');
    };
    while (child.running() && rows() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    child.kill(signal);
    const Result result = child.wait();
    CAPTURE(result.err);
    CHECK(result.code == 128 + signal);
    CHECK(contains(result.out, "next: metalearn resume r"));
    const auto csv = slurp(folder / "r/metrics.csv");
    const auto done = checkpoints::load_snapshot(snapshots(folder / "r").back().string()).attribute<std::int64_t>("counters", "update");
    CHECK(std::count(csv.begin(), csv.end(), '\n') == done + 1);
    CHECK(run(program({"resume", "r", "--updates", std::to_string(done + 1)}), folder.path).code == 0);
  }
}

TEST_CASE("a second process is kept out of a run directory") {
  Folder folder;
  IdxImages().write(folder / "data");
  std::vector<std::string> words = tiny_training("r", "squares=data");
  *(std::find(words.begin(), words.end(), "--updates") + 1) = "1000000";
  Child child(words, folder.path);
  while (child.running() && snapshots(folder / "r").empty()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Result second = run(program({"resume", "r"}), folder.path);
  CHECK(second.code == 75);
  child.kill(SIGTERM);
  CHECK(child.wait().code == 128 + SIGTERM);
}
