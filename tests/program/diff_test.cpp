// diff: two runs or snapshots have the same state, or the first differences are printed.
#include <nlohmann/json.hpp>

#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"

using namespace program_test;

namespace {

Result diff(const Folder& folder, std::vector<std::string> words) {
  words.insert(words.begin(), "diff");
  return run(program(words), folder.path);
}

int lines(const std::string& text, const std::string& beginning) {
  std::istringstream in(text);
  int count = 0;
  for (std::string line; std::getline(in, line);) count += line.starts_with(beginning);
  return count;
}

}  // namespace

TEST_CASE(
    "runs that differ in threads, saving and length alone are the same over what both have; those that "
    "differ in the seed are not") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("a", "squares=data", {"--threads", "1"}), "--save-every", "2"), folder.path)
              .code == 0);
  REQUIRE(run(with(tiny_training("b", "squares=data", {"--threads", "2"}), "--updates", "4"), folder.path,
              {{"METALEARN_ISA", "scalar"}})
              .code == 0);
  REQUIRE(run(tiny_training("c", "squares=data", {"--seed", "5"}), folder.path).code == 0);

  REQUIRE(
      run(with(tiny_training("d", "squares=data", {"--threads", "2"}), "--updates", "4"), folder.path).code ==
      0);
  const Result same = diff(folder, {"a/snapshot-00000004.h5", "d"});
  CAPTURE(same.out);
  CHECK(same.code == 0);
  for (const char* part : {"note: config:save-every: 2 against 1000000", "note: config:threads: 1 against 2",
                           "note: config:updates: 6 against 4", "\nsame bits: "})
    CHECK(contains(same.out, part));
  const Result runs = diff(folder, {"a/", "a"});
  CHECK(runs.code == 0);
  CHECK(contains(runs.out, "arrays, 6 rows of metrics.csv"));

  const Result other = diff(folder, {"a", "c"});
  CHECK(other.code == 1);
  CHECK(contains(other.out, "config:seed: 0 against 5"));
  CHECK(contains(other.out, "... and "));
  CHECK(lines(other.out, "note: ") == 2);
  CHECK(lines(other.out, "") == 1 + 2 + 10 + 1);
  const auto json = nlohmann::json::parse(diff(folder, {"a", "c", "--json"}).out);
  CHECK(json["same"] == false);
  CHECK(json["differences"].size() > 100);
  CHECK(json["differences"].back()["where"].get<std::string>().starts_with("metrics.csv, update 1: "));

  const Result kernels = diff(folder, {"a/snapshot-00000004.h5", "b"});
  CHECK(contains(kernels.out, " against scalar\n"));  // the level is noted, whatever it did to the bits
}

TEST_CASE("one bit in one number is found and printed so that it reads back") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("a", "squares=data"), folder.path).code == 0);
  fs::copy(folder / "a", folder / "b", fs::copy_options::recursive);
  auto archive = checkpoints::load_snapshot(snapshots(folder / "b").back().string());
  auto numbers = archive.numbers<float>("adam/v/top_delta/conv0/w");
  const float was = numbers[5];
  numbers[5] = std::nextafter(was, 1.0f);
  const float is = numbers[5];
  archive.put("adam/v/top_delta/conv0/w", archive.array("adam/v/top_delta/conv0/w").shape, numbers);
  checkpoints::save_snapshot(snapshots(folder / "b").back().string(), archive);

  const Result result = diff(folder, {"a", "b"});
  CHECK(result.code == 1);
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 2);
  const auto json = nlohmann::json::parse(diff(folder, {"a", "b", "--json"}).out);
  REQUIRE(json["differences"].size() == 1);
  const auto& d = json["differences"][0];
  CHECK(d["where"] == "adam/v/top_delta/conv0/w");
  CHECK(d["differing"] == 1);
  CHECK(std::stof(d["a"].get<std::string>()) == was);
  CHECK(std::stof(d["b"].get<std::string>()) == is);
}

TEST_CASE("diff says what it was given where that is no run and no snapshot") {
  Folder folder;
  spill(folder / "not-hdf5.h5", "no snapshot\n");
  const std::string golden = METALEARN_SOURCE "/tests/snapshots/schema-1.h5";
  CHECK(diff(folder, {golden}).code == 64);
  CHECK(contains(diff(folder, {golden}).err, "name two snapshots or run directories"));
  CHECK(diff(folder, {golden, golden, golden}).code == 64);
  CHECK(diff(folder, {golden, "nowhere"}).code == 66);
  CHECK(diff(folder, {"not-hdf5.h5", golden}).code == 65);
}

TEST_CASE("a snapshot of an older schema is compared as it means, and what wrote it is a note") {
  Folder folder;
  const Result result = diff(folder, {METALEARN_SOURCE "/tests/snapshots/schema-1.h5",
                                      METALEARN_SOURCE "/tests/snapshots/schema-2.h5"});
  CAPTURE(result.out);
  CHECK(result.code == 0);
  CHECK(contains(result.out, "note: kernels: nothing against v4"));
}
