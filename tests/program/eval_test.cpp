// eval as other programs read it, and what it refuses.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

std::vector<std::string> tiny_eval(std::vector<std::string> more) {
  std::vector<std::string> words = {"eval", "--theta", "r", "--steps", "0,2,4", "--layers", "8", "--seeds", "2", "--draws", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return program(std::move(words));
}

}  // namespace

TEST_CASE("eval of a run") {
  Folder folder;
  IdxImages().write(folder / "data");
  IdxImages{.noise = 5}.write(folder / "other");
  const Result trained = run(tiny_training("r", "squares=data"), folder.path);
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);

  SUBCASE("prints JSON with one row per data set and mark, in order") {
    const Result result = run(tiny_eval({"--data", "squares=data", "--data", "other=other", "--json"}), folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    const auto rows = nlohmann::json::parse(result.out)["results"];
    REQUIRE(rows.size() == 6);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& row = rows[i];
      CHECK(row["data"] == (i < 3 ? "squares" : "other"));
      CHECK(row["method"] == "learned");
      CHECK(row["step"] == 2 * (i % 3));
      CHECK(row["seeds"] == 2);
      CHECK(row["accuracy_mean"].get<double>() >= 0);
      CHECK(row["accuracy_mean"].get<double>() <= 1);
      CHECK(row["accuracy_se"].get<double>() >= 0);
      CHECK(row["objective_mean"].get<double>() > 0);
    }
  }
  SUBCASE("prints a table that names the snapshot and the split") {
    const Result result = run(tiny_eval({"--data", "squares=data"}), folder.path);
    CHECK(result.code == 0);
    CHECK(contains(result.out, "theta: " + fs::relative(snapshots(folder / "r").back(), folder.path).string()));
    for (const char* part : {"squares", "accuracy", "objective", "learned"}) CHECK(contains(result.out, part));
  }
  SUBCASE("on held-out tasks chooses a mark and says what the rule gains there") {
    const Result table = run(tiny_eval({"--held-out", "--tasks", "2"}), folder.path);
    CAPTURE(table.err);
    CHECK(table.code == 0);
    for (const char* part : {"mark chosen on held-out tasks", "random initialisation", " points"}) CHECK(contains(table.out, part));
    const Result json = run(tiny_eval({"--held-out", "--tasks", "2", "--json"}), folder.path);
    const auto report = nlohmann::json::parse(json.out);
    CHECK(report["results"].size() == 3);
    CHECK((report["chosen_step"] == 2 || report["chosen_step"] == 4));
    CHECK(run(program({"eval", "--theta", "r", "--held-out", "--steps", "0"}), folder.path).code == 64);
  }
  SUBCASE("gives the same numbers on one thread and on two") {
    const auto at = [&](const char* threads) { return run(tiny_eval({"--data", "squares=data", "--json", "--threads", threads}), folder.path).out; };
    CHECK(at("1") == at("2"));
  }
  SUBCASE("takes sizes only as theta has them, and names both") {
    const Result wrong = run(tiny_eval({"--data", "squares=data", "--h-size", "8"}), folder.path);
    CHECK(wrong.code == 64);
    CHECK(contains(wrong.err, "--h-size 8"));
    CHECK(contains(wrong.err, "h-size = 4"));
    CHECK(run(tiny_eval({"--data", "squares=data", "--h-size", "4"}), folder.path).code == 0);
  }
  SUBCASE("takes another activation than the training's") { CHECK(run(tiny_eval({"--data", "squares=data", "--activation", "tanh"}), folder.path).code == 0); }
  SUBCASE("refuses what it can't do") {
    struct Row { std::vector<std::string> words; int code; const char* says; };
    for (const Row& row : {Row{{}, 64, "--data"}, Row{{"--data", "squares=data", "--batch", "1"}, 64, "2 .. 65536"}, Row{{"--data", "squares=nowhere"}, 66, "nowhere"},
                           Row{{"--data", "squares=data", "--sede", "1"}, 64, "--seed"}}) {
      const Result result = run(tiny_eval(row.words), folder.path);
      CAPTURE(result.err);
      CHECK(result.code == row.code);
      CHECK(contains(result.err, row.says));
      CHECK(result.out.empty());
    }
    CHECK(run(program({"eval", "--theta", "r", "--data", "squares=data", "--steps", "5,2"}), folder.path).code == 64);
    CHECK(run(program({"eval", "--theta", "r", "--data", "squares=data", "--layers", "0"}), folder.path).code == 64);
  }
}

TEST_CASE("a damaged snapshot is refused by name") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("r", "squares=data"), folder.path).code == 0);
  const fs::path snapshot = snapshots(folder / "r").back();
  std::string bytes = slurp(snapshot);
  bytes[bytes.size() / 2] ^= 1;
  spill(snapshot, bytes);
  const Result result = run(tiny_eval({"--data", "squares=data"}), folder.path);
  CHECK(result.code == 65);
  CHECK(contains(result.err, snapshot.filename().string()));
}
