// sweep: tables over one varied setting, saved cell by cell.
#include <nlohmann/json.hpp>

#include <set>

#include "program_fixture.hpp"

using namespace program_test;
using Json = nlohmann::ordered_json;

namespace {

/// Of the theta that comes with the program, on tiny base models.
std::vector<std::string> sweep(const std::string& over, const std::string& out,
                               std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"sweep", "--over", over, "--data", "squares=data", "--out", out, "--layers", "8",
                             "--steps", "0,2", "--seeds", "2", "--draws", "1", "--labels-per-class", "4"});
  return program(std::move(more));
}

struct Data : Folder {
  Data() { IdxImages().write(path / "data"); }
};

Json file(const fs::path& path) { return Json::parse(slurp(path)); }

/// The results of a sweep, without seconds.
Json results(const fs::path& path) {
  Json rows = file(path)["results"];
  for (auto& row : rows) row.erase("seconds_per_step");
  return rows;
}

std::vector<std::string> values_of(const Json& rows) {
  std::vector<std::string> values;
  for (const auto& row : rows)
    if (values.empty() || values.back() != row["value"]) values.push_back(row["value"]);
  return values;
}

}  // namespace

TEST_CASE(
    "a sweep is a table, and the same numbers as JSON and CSV, which an evaluation of the same thing gives "
    "too") {
  Data folder;
  const Result result = run(sweep("depth=1..3", "out"), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  for (const char* part : {"depth", "accuracy", "gain, paired", "ms/step", "sweep-depth.csv"})
    CHECK(contains(result.out, part));
  const Json rows = results(folder / "out/sweep-depth.json");
  REQUIRE(rows.size() == 6);  // three values, two evaluation steps
  CHECK(values_of(rows) == std::vector<std::string>{"1", "2", "3"});
  const std::string csv = slurp(folder / "out/sweep-depth.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 7);
  CHECK(contains(csv, "data,value,step,method,accuracy_mean"));
  CHECK(contains(csv, ",seconds_per_step,source\n"));
  CHECK(contains(result.out, "+-: standard error"));
  CHECK(contains(csv, "squares,3,2,learned,"));

  const Result eval = run(program({"eval", "--data", "squares=data", "--layers", "8,8", "--steps", "0,2",
                                   "--seeds", "2", "--draws", "1", "--labels-per-class", "4", "--json"}),
                          folder.path);
  const Json expected = Json::parse(eval.out)["results"];
  for (int mark = 0; mark < 2; ++mark)
    for (const char* key : {"step", "accuracy_mean", "accuracy_se", "objective_mean", "gain_mean", "seeds"})
      CHECK(rows[static_cast<std::size_t>(2 + mark)][key] == expected[static_cast<std::size_t>(mark)][key]);
  CHECK(rows[1]["accuracy_ci95"].get<double>() ==
        doctest::Approx(12.706 * rows[1]["accuracy_se"].get<double>())
            .epsilon(1e-4));  // Student's t of two seeds
  CHECK(file(folder / "out/sweep-depth.json")["results"][1]["seconds_per_step"] > 0);
}

TEST_CASE("every axis varies what it says, the same bits for any threads and memory") {
  Data folder;
  struct Row {
    const char *over, *file;
    std::size_t rows;
  };
  for (const Row& row :
       {Row{"width=8,16", "sweep-width.json", 4}, Row{"activation=relu,step", "sweep-activation.json", 4},
        Row{"permutation=2", "sweep-permutation.json", 6}}) {
    CAPTURE(row.over);
    REQUIRE(run(sweep(row.over, "one", {"--threads", "1"}), folder.path).code == 0);
    const Result other = run(sweep(row.over, "other", {"--threads", "3", "--memory", "30MB"}), folder.path);
    CAPTURE(other.err);
    REQUIRE(other.code == 0);
    const Json rows = results(folder / (std::string("one/") + row.file));
    CHECK(rows.size() == row.rows);
    CHECK(rows == results(folder / (std::string("other/") + row.file)));
    std::set<double> objectives;
    for (const auto& r : rows)
      if (r["step"] == 2) objectives.insert(r["objective_mean"].get<double>());
    CHECK(objectives.size() == row.rows / 2);
  }
  // Options of what is varied are left out.
  const auto base = program(
      {"sweep", "--data", "squares=data", "--out", "more", "--layers", "8", "--seeds", "1", "--draws", "1"});
  auto labels = base, steps = base;
  labels.insert(labels.end(), {"--over", "labels=1..4", "--steps", "0,1"});
  steps.insert(steps.end(), {"--over", "steps=1..5", "--labels-per-class", "4"});
  CHECK(run(labels, folder.path).code == 0);
  CHECK(run(steps, folder.path).code == 0);
  CHECK(values_of(results(folder / "more/sweep-labels.json")) == std::vector<std::string>{"1", "2", "4"});
  CHECK(values_of(results(folder / "more/sweep-steps.json")) == std::vector<std::string>{"0", "1", "2", "5"});
}

TEST_CASE(
    "a killed sweep resumes and ends with the same table; finished cells are not computed "
    "again") {
  Data folder;
  const auto words = [&](const char* out) { return sweep("depth=1..12", out, {"--threads", "1"}); };
  REQUIRE(run(words("whole"), folder.path).code == 0);
  {
    Child child(words("killed"), folder.path);
    while (child.running() && !fs::exists(folder / "killed/sweep-depth.json"))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    child.kill(SIGKILL);
    CHECK(child.wait().code == 128 + SIGKILL);
  }
  const Json before = file(folder / "killed/sweep-depth.json")["results"];
  REQUIRE(before.size() < 24);
  const Result resumed = run(words("killed"), folder.path);
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(results(folder / "killed/sweep-depth.json") == results(folder / "whole/sweep-depth.json"));
  const Json after = file(folder / "killed/sweep-depth.json")["results"];
  for (std::size_t i = 0; i < before.size(); ++i)
    CHECK(after[i] == before[i]);  // seconds too: they are those of the first time
}

TEST_CASE("a signal stops a sweep, finished values are kept, and the same command resumes it") {
  Data folder;
  const auto words = [](const char* out) {
    return with(sweep("depth=1..12", out, {"--threads", "1"}), "--steps", "0,20");
  };
  REQUIRE(run(words("whole"), folder.path).code == 0);
  Child child(words("out"), folder.path);
  while (child.running() && !fs::exists(folder / "out/sweep-depth.json"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  child.kill(SIGINT);
  const Result result = child.wait();
  CHECK(result.code == 128 + SIGINT);
  CHECK(contains(result.err, "run the same command again to resume"));
  const Json before = file(folder / "out/sweep-depth.json")["results"];
  CHECK(before.size() >= 2);
  REQUIRE(before.size() < 24);
  REQUIRE(run(words("out"), folder.path).code == 0);
  CHECK(results(folder / "out/sweep-depth.json") == results(folder / "whole/sweep-depth.json"));
  const Json after = file(folder / "out/sweep-depth.json")["results"];
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == before[i]);
}

TEST_CASE(
    "a value that cannot be evaluated is left out with a note; the rest is shown; if none can, that is the "
    "error") {
  Data folder;
  const auto words = [](const char* over) {
    return program({"sweep", "--over", over, "--data", "squares=data", "--out", "out", "--layers", "8",
                    "--steps", "0,1", "--seeds", "1", "--draws", "1"});
  };
  const Result some = run(words("labels=1,1000"), folder.path);
  CHECK(some.code == 0);
  CHECK(contains(some.err, "note: left out: squares, labels 1000: "));
  CHECK(results(folder / "out/sweep-labels.json").size() == 2);
  const Result none = run(words("labels=1000"), folder.path);
  CHECK(none.code == 65);
  const Result large = run(sweep("width=8,4096", "wide", {"--memory", "30MB"}), folder.path);
  CHECK(large.code == 0);
  CHECK(contains(large.err,
                 "width 4096: a base model and its step do not fit in 28.6 MiB of memory; the smallest "
                 "budget that works is"));
  CHECK(run(sweep("width=4096", "wider", {"--memory", "30MB"}), folder.path).code == 71);
}

TEST_CASE(
    "a sweep over updates evaluates the snapshots of a run, each as eval does; what has been trained since "
    "joins them") {
  Data folder;
  REQUIRE(run(tiny_training("r", "squares=data", {"--keep-every", "3"}), folder.path).code == 0);
  const std::vector<std::string> words = {"sweep",  "--over",       "update=all", "--theta", "r",
                                          "--data", "squares=data", "--steps",    "0,2",     "--seeds",
                                          "2",      "--draws",      "1"};
  REQUIRE(run(program(words), folder.path).code == 0);
  const Json rows = results(folder / "r/evaluations/sweep-update.json");
  CHECK(values_of(rows) == std::vector<std::string>{"0", "3", "6"});
  const Result eval = run(program({"eval", "--theta", "r/snapshot-00000003.h5", "--data", "squares=data",
                                   "--steps", "0,2", "--seeds", "2", "--draws", "1", "--json"}),
                          folder.path);
  const Json expected = Json::parse(eval.out)["results"];
  for (std::size_t mark = 0; mark < 2; ++mark)
    for (const char* key : {"step", "accuracy_mean", "objective_mean", "gain_mean"})
      CHECK(rows[2 + mark][key] == expected[mark][key]);
  CHECK(rows[1]["objective_mean"] != rows[3]["objective_mean"]);

  REQUIRE(run(program({"resume", "r", "--updates", "9"}), folder.path).code == 0);
  const Result more = run(program(words), folder.path);
  CAPTURE(more.err);
  REQUIRE(more.code == 0);
  const Json joined = results(folder / "r/evaluations/sweep-update.json");
  CHECK(values_of(joined) == std::vector<std::string>{"0", "3", "6", "9"});
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(joined[i] == rows[i]);

  const Result range = run(program({"sweep", "--over", "update=2..6", "--theta", "r", "--data",
                                    "squares=data", "--seeds", "2", "--draws", "1", "--json"}),
                           folder.path);
  CAPTURE(range.err);
  CHECK(values_of(Json::parse(range.out)["results"]) ==
        std::vector<std::string>{"3", "6"});  // and at the evaluation steps of the existing results
  const Result empty = run(with(program(words), "--over", "update=4..5"), folder.path);
  CHECK(empty.code == 64);
  CHECK(contains(empty.err, "no snapshot in 4..5 (available: 0, 3, 6, 9)"));
  const Result none = run(with(program(words), "--over", "update=3,4"), folder.path);
  CHECK(none.code == 64);
  CHECK(contains(none.err, "no snapshot of update 4 (available: 0, 3, 6, 9)"));
  const Result file = run(with(program(words), "--theta", "r/snapshot-00000003.h5"), folder.path);
  CHECK(file.code == 64);
  CHECK(contains(file.err, "give --theta RUN"));
}

TEST_CASE("sweeps that run at one time in one folder keep what each of them finds") {
  Data folder;
  Child one(sweep("depth=1..6", "out"), folder.path), two(sweep("depth=7..12", "out"), folder.path);
  CHECK(one.wait().code == 0);
  CHECK(two.wait().code == 0);
  CHECK(values_of(results(folder / "out/sweep-depth.json")).size() == 12);
}

TEST_CASE("a sweep refuses what it can't do, and a folder that holds another one") {
  Data folder;
  REQUIRE(run(sweep("depth=1", "out"), folder.path).code == 0);
  const Result other = run(with(sweep("depth=1", "out"), "--seeds", "3"), folder.path);
  CHECK(other.code == 64);
  CHECK(contains(other.err, "out/sweep-depth.json: holds a sweep whose seeds is 2, not 3"));
  CHECK(!contains(other.err, "left out"));
  IdxImages images;
  images.noise = 5;
  images.write(folder / "elsewhere");
  const std::string before = slurp(folder / "out/sweep-depth.json"),
                    csv = slurp(folder / "out/sweep-depth.csv");
  spill(folder / "out/sweep-depth.csv",
        csv.substr(0, csv.find('\n') + 20));  // torn: is rewritten, even if nothing is left to evaluate
  REQUIRE(run(sweep("depth=1", "out"), folder.path).code == 0);
  CHECK(slurp(folder / "out/sweep-depth.csv") == csv);
  auto late = sweep("width=8", "out");  // the clash is found before the other axis is evaluated
  late.insert(late.end(), {"--over", "depth=1", "--seed", "5"});
  const Result clash = run(late, folder.path);
  CHECK(clash.code == 64);
  CHECK(contains(clash.err, "seed is 0, not 5"));
  CHECK(!fs::exists(folder / "out/sweep-width.json"));
  const Result mixed = run(with(sweep("depth=1..2", "out"), "--data", "squares=elsewhere"), folder.path);
  CHECK(mixed.code == 64);
  CHECK(contains(mixed.err, "out/sweep-depth.json: holds rows of a data set 'squares' with other files"));
  CHECK(slurp(folder / "out/sweep-depth.json") == before);
  Json retrained = Json::parse(before);
  retrained["protocol"]["theta"]["update"] = 60;
  spill(folder / "older/sweep-depth.json", retrained.dump());
  const Result older = run(sweep("depth=1", "older"), folder.path);
  CHECK(older.code == 64);
  CHECK(contains(older.err, "holds a sweep whose theta's update is 60, not "));
  const auto damaged = [&](const char* key, const Json& value) {
    Json json = file(folder / "out/sweep-depth.json");
    json["results"][0][key] = value;
    return json.dump();
  };
  for (const std::string& text :
       {std::string("{\"over\": \"depth\", \"results\": [{}]}"),
        "{\"over\": \"depth\", \"results\": [], \"protocol\": {\"seeds\": " + std::string(300000, '[') +
            std::string(300000, ']') + "}}",
        std::string("{\"over\": \"depth\", \"results\": [], \"protocol\": 3}"),
        std::string("{\"over\": \"depth\", \"results\": 3, \"protocol\": {}}"),
        std::string("{\"over\": \"depth\", \"results\": {}, \"protocol\": {}}"),
        std::string("{\"over\": \"depth\", \"results\": [], \"protocol\": {\"steps\": [10,0]}}"),
        std::string("{\"over\": \"depth\", \"results\": [], \"protocol\": {\"steps\": [0,2.5]}}"),
        damaged("theta", 3), damaged("accuracy_mean", "x"), damaged("seeds", "x"), damaged("value", 1)}) {
    spill(folder / "broken/sweep-depth.json", text);
    const Result broken = run(sweep("depth=1", "broken"), folder.path);
    CHECK(broken.code == 65);
    CHECK(contains(broken.err, "broken/sweep-depth.json: is damaged or not a sweep over depth"));
  }
  struct Row {
    std::vector<std::string> words;
    int code;
    const char* says;
  };
  for (const Row& row :
       {Row{{"--data", "squares=data", "--out", "o"}, 64, "nothing to vary"},
        Row{{"--over", "depth=1", "--out", "o"}, 64, "no data"},
        Row{{"--over", "depth=1", "--data", "squares=data"}, 64, "give --out DIR"},
        Row{{"--over", "depth=0", "--data", "squares=data", "--out", "o"}, 64, "is not a possible value"},
        Row{{"--over", "activation=all", "--activation", "relu", "--data", "squares=data", "--out", "o"},
            64,
            "--activation has no effect with --over activation"},
        Row{{"--over", "depth=1", "--data", "squares=nowhere", "--out", "o"}, 66, "nowhere"}}) {
    auto words = row.words;
    words.insert(words.begin(), "sweep");
    const Result result = run(program(words), folder.path);
    CAPTURE(result.err);
    CHECK(result.code == row.code);
    CHECK(contains(result.err, row.says));
    CHECK(!fs::exists(folder / "o"));
  }
}
