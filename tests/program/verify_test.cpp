// verify: a run directory or a snapshot is whole, or the damage is named; also during training.
#include <nlohmann/json.hpp>

#include "checkpoints/run_directory.hpp"
#include "program_fixture.hpp"

using namespace program_test;

namespace {

/// A finished run "r" with snapshots of 2, 4 and 6 updates, next to its data.
struct Run : Folder {
  Run() {
    IdxImages().write(path / "data");
    REQUIRE(run(with(tiny_training("r", "squares=data"), "--save-every", "2"), path).code == 0);
  }
  Result verify(const std::vector<std::string>& words) const {
    std::vector<std::string> all = {"verify"};
    all.insert(all.end(), words.begin(), words.end());
    return run(program(all), path);
  }
};

std::size_t files(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::recursive_directory_iterator(folder), fs::recursive_directory_iterator()));
}

}  // namespace

TEST_CASE("a whole run and each of its snapshots are whole, whoever holds the lock, and nothing is written") {
  const Run folder;
  const auto owner = checkpoints::RunDirectory::open((folder / "r").string());
  const auto before = files(folder.path);
  const Result result = folder.verify({"r/"});
  CAPTURE(result.out);
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  for (const char* part : {"ok       r/snapshot-00000002.h5: generation 2, schema 2",
                           "r/snapshot-00000006.h5", "ok       r/manifest.json: lists 3 generations",
                           "ok       r/config.json", "ok       r/metrics.csv: 6 rows", "\nwhole\n"})
    CHECK(contains(result.out, part));
  CHECK(folder.verify({"r/snapshot-00000004.h5"}).code == 0);
  CHECK(files(folder.path) == before);
}

TEST_CASE("a damaged snapshot makes a run damaged, and its line says what is wrong, also as JSON") {
  const Run folder;
  damage(folder / "r/snapshot-00000004.h5");
  spill(folder / "r/snapshot-00000008.h5.tmp", "half");
  const Result result = folder.verify({"r"});
  CHECK(result.code == 65);
  CHECK(contains(result.out, "damaged  r/snapshot-00000004.h5: damaged (body checksum"));
  CHECK(contains(result.out, "ok       r/snapshot-00000006.h5"));
  CHECK(contains(result.out, "note     r/snapshot-00000008.h5.tmp: incomplete"));
  CHECK(folder.verify({"r/snapshot-00000004.h5"}).code == 65);
  CHECK(folder.verify({"r/snapshot-00000006.h5"}).code == 0);

  const Result machine = folder.verify({"r", "--json"});
  CHECK(machine.code == 65);
  const auto json = nlohmann::json::parse(machine.out);
  CHECK(json["whole"] == false);
  CHECK(json["findings"].size() == 8);
  CHECK(json["findings"][1]["grade"] == "damaged");
  CHECK(json["findings"][1]["file"] == "r/snapshot-00000004.h5");
}

TEST_CASE("verify says what it was given where that is no run and no snapshot") {
  Folder folder;
  fs::create_directories(folder / "empty");
  spill(folder / "not-hdf5.h5", "no snapshot\n");
  const auto verify = [&](const std::vector<std::string>& words) { return run(program(words), folder.path); };
  CHECK(verify({"verify", "nowhere"}).code == 66);
  CHECK(contains(verify({"verify", "nowhere"}).err, "nowhere: no such file or folder"));
  CHECK(verify({"verify", "empty"}).code == 66);
  CHECK(contains(verify({"verify", "empty"}).err, "empty: holds no snapshots"));
  CHECK(verify({"verify", "not-hdf5.h5"}).code == 65);
  CHECK(verify({"verify"}).code == 64);
  CHECK(verify({"verify", "a", "b"}).code == 64);
}

TEST_CASE("a run that is training is whole at any moment, and after a kill -9 too") {
  Folder folder;
  IdxImages().write(folder / "data");
  Child child(with(with(tiny_training("r", "squares=data"), "--updates", "1000000"), "--save-every", "1"),
              folder.path);
  while (child.running() && snapshots(folder / "r").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  for (int i = 0; i < 10; ++i) {
    const Result result = run(program({"verify", "r"}), folder.path);
    CAPTURE(result.out);
    CAPTURE(result.err);
    CHECK(result.code == 0);
  }
  CHECK(child.running());
  child.kill(SIGKILL);
  child.wait();
  const Result result = run(program({"verify", "r"}), folder.path);
  CAPTURE(result.out);
  CHECK(result.code == 0);
}

TEST_CASE("inspect tells a snapshot's schema, size, generation and maker, and of a run its snapshots") {
  const Run folder;
  const auto file = nlohmann::json::parse(run(program({"inspect", "r/snapshot-00000004.h5", "--json"}),
                                              folder.path, {{"METALEARN_ISA", "scalar"}})
                                              .out);
  CHECK(file["file"] == "r/snapshot-00000004.h5");
  CHECK(file["schema"] == 2);
  CHECK(file["bytes"] == fs::file_size(folder / "r/snapshot-00000004.h5"));
  CHECK(file["generation"] == 4);
  CHECK(file["program_version"] == file["attributes"]["/"]["program_version"]);
  CHECK(file["kernels"] == file["attributes"]["/"]["kernels"]);
  CHECK(!file.contains("snapshots"));
  CHECK(file["arrays"].size() > 100);

  const auto whole = nlohmann::json::parse(run(program({"inspect", "r", "--json"}), folder.path).out);
  CHECK(whole["generation"] == 6);
  REQUIRE(whole["snapshots"].size() == 3);
  CHECK(whole["snapshots"][0]["generation"] == 2);
  CHECK(whole["snapshots"][0]["best"] == false);

  const Result old = run(program({"inspect", METALEARN_SOURCE "/tests/snapshots/schema-1.h5"}), folder.path);
  CHECK(old.code == 0);
  CHECK(contains(old.out, "schema 1, 173125 bytes, generation 12, written by version 0.1.0 with kernels ?"));
}

TEST_CASE("inspect marks the snapshot of a run that is best by meta-validation") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data", {"--validate-steps", "0,2", "--validate-tasks", "1"}),
                   "--validate-every", "3"),
              folder.path)
              .code == 0);
  const Result result = run(program({"inspect", "r"}), folder.path);
  CHECK(contains(result.out, "  best by meta-validation\n"));
  CHECK(result.out.find("best by meta-validation") == result.out.rfind("best by meta-validation"));
}
