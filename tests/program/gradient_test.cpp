// gradient's output for other programs, and its errors.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

std::vector<std::string> tiny_map(std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"gradient", "--theta",   "r",   "--inner-rates", "1e-3,1", "--lengths",
                                    "2,5",      "--windows", "1,3", "--tasks",       "2"};
  words.insert(words.end(), more.begin(), more.end());
  return program(std::move(words));
}

/// Without times.
nlohmann::json timeless(const std::string& text) {
  auto json = nlohmann::json::parse(text);
  for (auto& f : json["map"])
    for (auto& w : f["windows"]) {
      CHECK(w["seconds"].get<double>() > 0);
      w.erase("seconds");
      w.erase("signal_to_noise_per_second");
    }
  return json;
}

}  // namespace

TEST_CASE("gradient of a run") {
  Folder folder;
  IdxImages().write(folder / "data");
  const Result trained = run(tiny_training("r", "squares=data"), folder.path);
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);

  SUBCASE("prints JSON, on the data of the training, with the same numbers on any number of threads") {
    const Result result = run(tiny_map({"--json", "--threads", "1"}), folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    const auto json = timeless(result.out);
    REQUIRE(json["map"].size() == 4);
    CHECK(json["data"].size() == 1);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto& f = json["map"][i];
      CHECK(f["inner_rate"] == (i < 2 ? 1e-3 : 1.0));
      CHECK(f["length"] == (i % 2 ? 5 : 2));
      CHECK(f["tasks"] == 2);
      CHECK(f["growth_per_step"]["mean"].is_number());
      CHECK(f["growth_tasks"] == 2);
      CHECK(f["float64_tasks"] == 2);
      CHECK(f["float64_cosine"]["mean"].get<double>() <= 1 + 1e-12);
      CHECK(f["correct_digits"].get<double>() >= 0);
      CHECK(f["exact_gradient_has_correct_digits"].is_boolean());
      REQUIRE(f["windows"].size() == (i % 2 ? 3 : 2));
      CHECK(f["windows"].back()["exact"] == true);
      CHECK(f["windows"].back()["window"] == f["length"]);
      CHECK(f["windows"].back()["cosine_to_exact"]["mean"] == 1.0);
      for (const auto& w : f["windows"]) {
        CHECK(w["finite_tasks"] == 2);
        CHECK(w["cosine_tasks"] == 2 - f["tasks_without_correct_digits"].get<int>());
        CHECK(w["gradient_norm"]["mean"].get<double>() > 0);
        CHECK(w["signal_to_noise"].is_number());
      }
    }
    CHECK(timeless(run(tiny_map({"--json", "--threads", "3", "--memory", "256MiB"}), folder.path).out) ==
          json);
    CHECK(timeless(run(tiny_map({"--json", "--seed", "1"}), folder.path).out) != json);
  }
  SUBCASE("prints a table that names theta and every column") {
    const Result result = run(tiny_map({"--data", "squares=data"}), folder.path);
    CHECK(result.code == 0);
    CHECK(
        contains(result.out, "theta: " + fs::relative(snapshots(folder / "r").back(), folder.path).string()));
    for (const char* part : {"squares", "growth", "float64", "digits", "window", "|g|", "cosine", "signal",
                             "per second", "1.0000 +- 0.0000"})
      CHECK(contains(result.out, part));
  }
  SUBCASE(
      "warns of every place at which the exact gradient of a task has no correct digit, and says of how many "
      "tasks the cosine is") {
    const std::vector<std::string> grid = {"gradient", "--theta",   "r",    "--inner-rates",
                                           "1e-3,1",   "--lengths", "4,30", "--windows",
                                           "1",        "--tasks",   "3"};
    auto as_json = grid;
    as_json.push_back("--json");
    const auto json = nlohmann::json::parse(run(program(as_json), folder.path).out);
    const std::string table = run(program(grid), folder.path).out;
    CAPTURE(table);
    int warned = 0;
    for (const auto& f : json["map"]) {
      const int without = f["tasks_without_correct_digits"], all = f["tasks"], length = f["length"];
      const std::string place = "rate " + std::string(f["inner_rate"] == 1.0 ? "1" : "0.001") +
                                ", T = " + std::to_string(length) + " in ";
      CHECK(contains(table, place) == (without > 0));
      if (without == 0) continue;
      ++warned;
      CHECK(contains(table, place + std::to_string(without) + " of " + std::to_string(all) + " tasks"));
      if (without < all)
        CHECK(contains(table, " (" + std::to_string(all - without) + ")"));
      else
        CHECK(f["windows"][0]["cosine_to_exact"]["mean"].is_null());
    }
    CHECK(warned > 0);
    CHECK(warned < 4);
  }
  SUBCASE("refuses what it can't do, in one line that says what to do") {
    const auto refused = [&](std::vector<std::string> more, int code, std::vector<std::string> says) {
      more.insert(more.begin(), "gradient");
      const Result result = run(program(more), folder.path);
      CAPTURE(result.err);
      CHECK(result.code == code);
      CHECK(result.out.empty());
      for (const auto& part : says) CHECK(contains(result.err, part));
    };
    refused({}, 64, {"no theta", "--theta", "--preset"});
    refused({"--theta", "r", "--preset", "demo"}, 64, {"exclude"});
    refused({"--preset", "demo", "--raw"}, 64, {"--raw", "leave it out"});
    refused({"--preset", "dmo"}, 64, {"dmo", "demo"});
    refused({"--theta", "nowhere.h5"}, 66, {"nowhere.h5", "check"});
    refused({"--theta", "r", "--lengths", "0"}, 64, {"lengths", "1 .. 1000000"});
    refused({"--theta", "r", "--lengths", "x"}, 64, {"lengths", "'x'"});
    refused({"--theta", "r", "--windows", "0"}, 64, {"windows", "1 .. 1000000"});
    refused({"--theta", "r", "--lengths", "5", "--windows", "6"}, 64,
            {"6 steps", "longer than the longest unroll, 5 steps"});
    refused({"--theta", "r", "--inner-rates", "0"}, 64, {"inner-rate", "1e-09"});
    refused({"--theta", "r", "--inner-rates", "fast"}, 64, {"inner-rate", "fast"});
    refused({"--theta", "r", "--inner-rates", ""}, 64, {"inner-rates"});
    refused({"--theta", "r", "--tasks", "0"}, 64, {"tasks"});
    refused({"--theta", "r", "--memory", "much"}, 64, {"not an amount of memory"});
    refused({"--theta", "r", "--memory", "1000"}, 71, {"smallest budget that works", "--memory"});
    refused({"--theta", "r", "--data", "squares=nowhere"}, 66, {"nowhere"});
    damage(snapshots(folder / "r").back());
    refused({"--theta", fs::relative(snapshots(folder / "r").back(), folder.path).string()}, 65,
            {"checksum"});
    CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 2);  // no new files
  }
  SUBCASE("does with the smallest memory that it named, and not with a byte less") {
    const Result refused = run(tiny_map({"--memory", "1"}), folder.path);
    REQUIRE(refused.code == 71);
    const std::string least =
        refused.err.substr(refused.err.rfind(' ') + 1, refused.err.rfind('\n') - refused.err.rfind(' ') - 1);
    CHECK(run(tiny_map({"--memory", least}), folder.path).code == 0);
    CHECK(run(tiny_map({"--memory", std::to_string(std::stoll(least) - 1)}), folder.path).code == 71);
  }
}

TEST_CASE("gradient of a preset's untrained theta") {
  Folder folder;
  const Result result = run(program({"gradient", "--preset", "demo", "--inner-rates", "1e-2", "--lengths",
                                     "2", "--windows", "1", "--tasks", "1", "--json"}),
                            folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["label"] == "untrained");
  CHECK(json["map"][0]["windows"][0]["signal_to_noise"].is_null());  // of one task
}
