// reproduce: a rerun of part of a run gives the same bits and leaves no files, however it ends.
#include <nlohmann/json.hpp>

#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"

using namespace program_test;

namespace {

/// A finished run "r" with snapshots of 2, 4 and 6 updates, next to its data and an empty folder for
/// temporary files.
struct Run : Folder {
  Run() {
    IdxImages().write(path / "data");
    fs::create_directories(path / "tmp");
    REQUIRE(run(with(tiny_training("r", "squares=data"), "--save-every", "2"), path).code == 0);
  }
  std::vector<std::string> words(std::vector<std::string> more) const {
    more.insert(more.begin(), {"reproduce", "r"});
    return program(more);
  }
  Environment environment(const std::string& kernels = "") const {
    Environment e = {{"TMPDIR", (path / "tmp").string()}};
    if (!kernels.empty()) e["METALEARN_ISA"] = kernels;
    return e;
  }
  Result reproduce(const std::vector<std::string>& more) const {
    return run(words(more), path, environment());
  }
  bool nothing_left() const { return fs::is_empty(path / "tmp"); }
  /// Makes the rerun from 2 longer than any test waits.
  void lengthen() const { fs::rename(path / "r/snapshot-00000006.h5", path / "r/snapshot-00999999.h5"); }
};

}  // namespace

TEST_CASE(
    "a rerun of part of a run gives the same bits, also with other threads, and the run is not touched") {
  const Run folder;
  std::string before;
  for (const auto& entry : fs::directory_iterator(folder / "r"))
    before += entry.path().filename().string() + slurp(entry.path());
  const Result result = folder.reproduce({"--from", "2", "--threads", "2"});
  CAPTURE(result.err);
  CAPTURE(result.out);
  CHECK(result.code == 0);
  CHECK(result.out ==
        "generation 4: same bits\ngeneration 6: same bits\nmetrics.csv: 4 rows, the same\nreproduced: "
        "updates 3 to 6 give the same bits\n");
  CHECK(contains(result.err, "update 6/6"));
  CHECK(folder.nothing_left());
  std::string after;
  for (const auto& entry : fs::directory_iterator(folder / "r"))
    after += entry.path().filename().string() + slurp(entry.path());
  CHECK(before == after);

  const auto json = nlohmann::json::parse(folder.reproduce({"--json", "--to", "4"}).out);
  CHECK(json["same"] == true);
  CHECK(json["from"] == 2);
  CHECK(json["to"] == 4);
  CHECK(json["rows"] == 2);
  REQUIRE(json["generations"].size() == 1);
  CHECK(json["generations"][0]["notes"].empty());
}

TEST_CASE("a run needs no lock to be reproduced: another process may hold it") {
  const Run folder;
  const auto owner = checkpoints::RunDirectory::open((folder / "r").string());
  REQUIRE(run(program({"resume", "r", "--updates", "7"}), folder.path).code == 75);
  CHECK(folder.reproduce({"--to", "4"}).code == 0);
}

TEST_CASE("the first generation that differs is printed, with exit code 1") {
  const Run folder;
  const std::string path = (folder / "r/snapshot-00000004.h5").string();
  auto archive = checkpoints::load_snapshot(path);
  auto lengths = archive.numbers<std::int64_t>("in_flight/length");
  ++lengths[1];
  archive.put("in_flight/length", {3}, lengths);
  checkpoints::save_snapshot(path, archive);
  const Result result = folder.reproduce({"--from", "2"});
  CAPTURE(result.out);
  CHECK(result.code == 1);
  CHECK(contains(result.out, "generation 4: differs\nin_flight/length [1]: "));
  CHECK(!contains(result.out, "generation 6"));
  CHECK(contains(result.out, "not reproduced"));
  CHECK(folder.nothing_left());
}

TEST_CASE(
    "a generation that is not there is answered with those that are, and the newest with what is missing") {
  const Run folder;
  const Result missing = folder.reproduce({"--from", "3"});
  CHECK(missing.code == 66);
  CHECK(missing.err ==
        "metalearn: error: r: has no snapshot of generation 3 (it has 2, 4, 6); name one of them\n");
  const Result newest = folder.reproduce({"--from", "6"});
  CHECK(newest.code == 64);
  CHECK(contains(newest.err, "no snapshot to compare with after generation 6, which is the newest"));
  CHECK(folder.reproduce({"--from", "many"}).code == 64);
  CHECK(folder.reproduce({"--threads", "-1"}).code == 64);
  CHECK(run(program({"reproduce"}), folder.path).code == 64);
  CHECK(run(program({"reproduce", "nowhere"}), folder.path).code == 66);
  CHECK(run(program({"reproduce", "tmp"}), folder.path).code == 66);
  CHECK(run(program({"reproduce", "r/metrics.csv"}), folder.path).code == 66);
  CHECK(run(program({"reproduce", "r"}), folder.path, {{"TMPDIR", (folder / "nowhere").string()}}).code ==
        74);
  CHECK(folder.nothing_left());
}

TEST_CASE("a signal stops the rerun with its exit code, and the temporary folder is gone") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Run folder;
    folder.lengthen();
    Child child(folder.words({"--from", "4"}), folder.path, folder.environment());
    while (child.running() && !contains(child.err(), "update 5/"))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(!folder.nothing_left());
    child.kill(signal);
    const Result result = child.wait();
    CAPTURE(result.err);
    CHECK(result.code == 128 + signal);
    CHECK(contains(result.out, "stopped before everything was compared"));
    CHECK(folder.nothing_left());
  }
}

TEST_CASE(
    "kernels that give other bits are named before the rerun, and by a resume, with the level to force") {
  const Run folder;
  const std::string made_by =
      nlohmann::json::parse(run(program({"inspect", "r", "--json"}), folder.path).out)["kernels"];
  if (made_by == "scalar") return;
  const Result rerun = run(folder.words({"--from", "4"}), folder.path, folder.environment("scalar"));
  CHECK(contains(rerun.err, "was made by kernels of level " + made_by + ", but level scalar is in use"));
  CHECK(contains(rerun.err, "METALEARN_ISA=v"));
  const Result resumed =
      run(program({"resume", "r", "--updates", "7"}), folder.path, folder.environment("scalar"));
  CHECK(resumed.code == 0);
  CHECK(contains(resumed.err, "from here on the bits differ"));
}
