// What is wrong with a run directory is found, what is only left over is noted, and a run that trains
// meanwhile is no damage.
#include "metalearn/train/run_audit.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/records/metrics_text.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "outer_fixture.hpp"
#include "tests/support/contains.hpp"

using namespace outer_test;
using support::contains;

namespace {

/// A finished run of 12 updates with snapshots of 4, 8 and 12.
struct Run {
  Run() {
    Config c = tiny_config();
    c.updates = 12;
    c.set("save-every", "4");
    start_with(c, path, toy_parts())->run([](const Progress&) { return true; });
  }
  std::string snapshot(std::int64_t update) const { return checkpoints::snapshot_path(path, update); }
  std::string text(const char* name) const { return text_of(path + "/" + name); }
  void write(const char* name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
  }

  Folder folder;
  std::string path = folder / "run";
};

/// The findings of one grade, "NAME: what".
std::vector<std::string> found(const RunAudit& audit, Grade grade) {
  std::vector<std::string> texts;
  for (const auto& f : audit.findings)
    if (f.grade == grade) texts.push_back(std::filesystem::path(f.file).filename().string() + ": " + f.what);
  return texts;
}

std::string only_damage(const Run& run) {
  const auto audit = audit_run(run.path);
  CHECK(!audit.whole());
  const auto texts = found(audit, Grade::damaged);
  CHECK(texts.size() == 1);
  return texts.empty() ? "" : texts[0];
}

}  // namespace

TEST_CASE("of a whole run every snapshot, the configuration and the metrics are ok") {
  const Run run;
  const auto audit = audit_run(run.path);
  CHECK(audit.whole());
  const auto ok = found(audit, Grade::ok);
  REQUIRE(ok.size() == 7);
  CHECK(contains(ok[0], "snapshot-00000004.h5: generation 4, schema 2, "));
  CHECK(contains(ok[2], "snapshot-00000012.h5: generation 12"));
  CHECK(ok[3] == "manifest.json: lists 3 generations");
  CHECK(ok[4] == "config.json: agrees with the newest snapshot");
  CHECK(ok[6] == "log.csv: 0 rows");
  CHECK(ok[5] == "metrics.csv: 12 rows");
  CHECK(found(audit, Grade::note).empty());
}

TEST_CASE(
    "a snapshot that is missing, or another file than the one that was saved, is found by the manifest; a "
    "damaged manifest is found, a missing one noted") {
  {
    const Run run;
    std::filesystem::remove(run.snapshot(8));
    CHECK(only_damage(run) == "manifest.json: lists " + run.snapshot(8) + ", which does not exist");
  }
  {
    const Run run;
    auto archive = load_run_snapshot(run.snapshot(8));
    archive.set("", "program_version", std::string("other"));
    checkpoints::save_snapshot(run.snapshot(8), archive);
    CHECK(only_damage(run) ==
          "manifest.json: does not match " + run.snapshot(8) + ", which has other contents");
  }
  {
    const Run run;
    run.write("manifest.json", "{}");
    CHECK(contains(only_damage(run), "manifest.json: damaged"));
  }
  const Run run;
  std::filesystem::remove(run.path + "/manifest.json");
  const auto audit = audit_run(run.path);
  CHECK(audit.whole());
  REQUIRE(found(audit, Grade::note).size() == 1);
  CHECK(contains(found(audit, Grade::note)[0], "manifest.json: does not exist"));
}

TEST_CASE("a damaged snapshot is found wherever it stands, and the others are checked all the same") {
  for (const std::int64_t update : {4, 12}) {
    const Run run;
    std::filesystem::resize_file(run.snapshot(update), 1000);
    CHECK(contains(only_damage(run), ".h5: truncated"));
  }
}

TEST_CASE(
    "a snapshot of another generation than its name says, with an unknown name, or that no run can come to "
    "is damaged") {
  const Run run;
  std::filesystem::copy_file(run.snapshot(4), run.snapshot(6));
  CHECK(contains(only_damage(run), "holds generation 4, which does not match its name"));
  CHECK(audit_snapshot(run.snapshot(6)).grade == Grade::ok);  // by itself it is whole
  std::filesystem::remove(run.snapshot(6));

  auto archive = load_run_snapshot(run.snapshot(8));
  archive.put("theta/extra", {1}, std::vector<float>{1});
  checkpoints::save_snapshot(run.snapshot(8), archive);
  CHECK(contains(only_damage(run), "unknown array /theta/extra"));
  CHECK(audit_snapshot(run.snapshot(8)).grade == Grade::damaged);

  auto impossible = load_run_snapshot(run.snapshot(4));
  impossible.put("in_flight/age", {7}, std::vector<std::int64_t>(7, 1000));
  checkpoints::save_snapshot(run.snapshot(8), impossible);
  CHECK(contains(only_damage(run), "has done 1000 inner steps"));
  auto backwards = load_run_snapshot(run.snapshot(4));
  backwards.set("counters", "next_task", std::int64_t{-1});
  checkpoints::save_snapshot(run.snapshot(8), backwards);
  CHECK(contains(only_damage(run), "counter next_task is -1"));
}

TEST_CASE("what other processes leave behind is noted") {
  const Run run;
  run.write("snapshot-00000016.h5.tmp", "half");
  run.write("snapshot-00000010.h5.damaged", "bad");
  run.write("notes.txt", "the user's");
  const auto audit = audit_run(run.path);
  CHECK(audit.whole());
  CHECK(found(audit, Grade::note).size() == 2);
}

TEST_CASE(
    "a configuration that is missing, torn, or not the newest snapshot's is damaged; updates and threads may "
    "differ") {
  const Run run;
  const std::string text = run.text("config.json");
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    run.write("config.json", other);
  };
  changed("\"updates\": \"12\"", "\"updates\": \"99\"");
  CHECK(audit_run(run.path).whole());
  changed("\"threads\": \"1\"", "\"threads\": \"2\"");
  CHECK(audit_run(run.path).whole());
  changed("\"batch\": \"8\"", "\"batch\": \"9\"");
  CHECK(contains(only_damage(run), "batch is '9', but '8' in "));
  changed("\"batch\"", "\"botch\"");
  CHECK(contains(only_damage(run), "botch"));
  run.write("config.json", text.substr(0, 100));
  CHECK(contains(only_damage(run), "not a JSON object"));
  run.write("config.json", "[1, 2]");
  CHECK(contains(only_damage(run), "not a JSON object"));
  run.write("config.json", "{\"batch\": 8}");
  CHECK(contains(only_damage(run), "not a JSON object of strings"));
  std::filesystem::remove(run.path + "/config.json");
  CHECK(contains(only_damage(run), "config.json: is missing"));
}

TEST_CASE(
    "rows of metrics that are missing, stand twice or are no rows are damage up to the newest snapshot") {
  const Run run;
  const std::string text = run.text("metrics.csv");
  const auto row = [&](int update) {  // begin and end
    const auto begin = text.find("\n" + std::to_string(update) + ",") + 1;
    return std::pair(begin, text.find('\n', begin) + 1);
  };
  const auto [b5, e5] = row(5);
  run.write("metrics.csv", text.substr(0, b5) + text.substr(e5));
  CHECK(contains(only_damage(run), "line 6 is update 6: rows 5 to 5 are missing"));
  run.write("metrics.csv", text.substr(0, e5) + text.substr(b5));
  CHECK(contains(only_damage(run), "line 7 repeats update 5"));
  run.write("metrics.csv", text.substr(0, b5) + "5,what\n" + text.substr(e5));
  CHECK(contains(only_damage(run), "line 6 has 2 cells"));
  std::string letters = text;
  letters.replace(b5 + 2, 1, "x");
  run.write("metrics.csv", letters);
  CHECK(contains(only_damage(run), "line 6 has a cell that is not a number"));
  run.write("metrics.csv", text.substr(0, e5));
  CHECK(contains(only_damage(run), "ends with update 5, but the newest snapshot is of update 12"));
  run.write("metrics.csv", text.substr(0, e5 - 3));
  CHECK(contains(only_damage(run), "the row after update 4 is incomplete"));
  run.write("metrics.csv", "a,b\n1,2\n");
  CHECK(contains(only_damage(run), "names of its columns"));
  std::filesystem::remove(run.path + "/metrics.csv");
  CHECK(contains(only_damage(run), "metrics.csv: is missing"));
}

TEST_CASE("rows after the newest snapshot are not promised: whatever stands there is noted") {
  const Run run;
  const std::string text = run.text("metrics.csv");
  for (const std::string& more :
       std::vector<std::string>{"13,1.5,1.2", "13,1\n", std::string("\0\0\0\n", 4), "15,1,1\n", "12,1,1\n"}) {
    run.write("metrics.csv", text + more);
    const auto audit = audit_run(run.path);
    CAPTURE(more);
    CHECK(audit.whole());
    CHECK(found(audit, Grade::note).size() == 1);
  }
}

TEST_CASE("a folder without snapshots and a file that is not there are no input") {
  Folder folder;
  CHECK_THROWS_AS(audit_run(folder / "."), checkpoints::NoInput);
  CHECK_THROWS_AS(audit_run(folder / "none"), checkpoints::NoInput);
  CHECK_THROWS_AS(audit_snapshot(folder / "none.h5"), checkpoints::NoInput);
}

TEST_CASE("a run that trains and saves at every update is whole at any moment") {
  Folder folder;
  Config c = tiny_config();
  c.updates = 1000000;
  c.set("save-every", "1");
  std::atomic<bool> stop = false, begun = false;
  std::thread training([&] {
    start_with(c, folder / "run", toy_parts())->run([&](const Progress& p) {
      begun = p.update >= 1;
      return !stop;
    });
  });
  while (!begun) std::this_thread::yield();
  for (int i = 0; i < 10; ++i) {
    const auto audit = audit_run(folder / "run");
    CAPTURE(found(audit, Grade::damaged).empty() ? "" : found(audit, Grade::damaged)[0]);
    CHECK(audit.whole());
  }
  stop = true;
  training.join();
}
