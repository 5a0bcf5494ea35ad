// eval's output for other programs, and its errors.
#include <nlohmann/json.hpp>

#include "checkpoints/snapshot_file.hpp"
#include "program_fixture.hpp"

using namespace program_test;

namespace {

std::vector<std::string> tiny_eval(std::vector<std::string> more) {
  std::vector<std::string> words = {"eval", "--theta", "r", "--steps", "0,2,4", "--layers",
                                    "8",    "--seeds", "2", "--draws", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return program(std::move(words));
}

/// The folder of a run `r`, trained on "squares" (data), with another data set next to it (other). Made once
/// per process: cases may add files but change none.
const Folder& trained() {
  static const Folder folder;
  static const Result training = [] {
    IdxImages().write(folder / "data");
    IdxImages{.noise = 5}.write(folder / "other");
    return run(tiny_training("r", "squares=data"), folder.path);
  }();
  REQUIRE_MESSAGE(training.code == 0, training.err);
  return folder;
}

std::vector<std::string> held_out(std::vector<std::string> more) {
  std::vector<std::string> words = {"eval",  "--theta", "r", "--held-out", "--steps",
                                    "0,2,4", "--tasks", "2", "--draws",    "1"};
  words.insert(words.end(), more.begin(), more.end());
  return program(std::move(words));
}

}  // namespace

TEST_CASE("eval does not replace what is no such evaluation") {
  Folder folder;
  IdxImages().write(folder / "idx");
  const auto eval = [&](std::vector<std::string> more, const char* out) {
    more.insert(more.begin(), {"eval", "--data", "mine=idx", "--steps", "0,1", "--seeds", "1", "--draws", "1",
                               "--layers", "8", "--labels-per-class", "4", "--out", out});
    return run(program(more), folder.path);
  };
  REQUIRE(eval({}, "one.json").code == 0);
  REQUIRE(eval({"--methods", "random"}, "methods.json").code == 0);
  CHECK(eval({}, "one.json").code == 0);
  CHECK(eval({"--methods", "random"}, "methods.json").code == 0);
  spill(folder / "sweep.json", R"({"over": "depth", "protocol": {}, "results": []})");
  spill(folder / "binary.json", std::string("\0\x89HDF", 5));
  spill(folder / "mine.json", R"({"results": [1, 2], "note": "mine"})");
  for (const char* other : {"methods.json", "sweep.json", "binary.json", "mine.json"}) {
    const std::string before = slurp(folder / other);
    const Result result = eval({}, other);
    CHECK(result.code == 64);
    CHECK(contains(result.err, "not an evaluation of one theta"));
    CHECK(slurp(folder / other) == before);
  }
  CHECK(eval({"--methods", "random"}, "one.json").code == 64);
}

TEST_CASE("a comparison names a chosen evaluation step only where it has a row") {
  Folder folder;
  IdxImages{.per_class = 60}.write(folder / "idx");
  const auto eval = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"eval", "--methods", "learned", "--data", "mine=idx", "--seeds", "1",
                               "--draws", "1", "--layers", "8"});
    const Result result = run(program(more), folder.path);
    CHECK(result.code == 0);
    return result.out;
  };
  CHECK_FALSE(contains(eval({"--steps", "1"}), "*: "));
  const std::string chosen = eval({"--steps", "1,300"});
  CHECK(contains(chosen, " 300*"));
  CHECK(contains(chosen, "*: learned: evaluation step stored with theta: 300 inner steps"));
}

TEST_CASE("eval of a run prints JSON with one row per data set and evaluation step, in order") {
  const Folder& folder = trained();
  const Result result =
      run(tiny_eval({"--data", "squares=data", "--data", "other=other", "--json"}), folder.path);
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

TEST_CASE("eval of a run one seed says nothing of its own error: none is shown") {
  const Folder& folder = trained();
  const std::vector<std::string> one = program({"eval", "--theta", "r", "--data", "squares=data", "--steps",
                                                "0,2", "--layers", "8", "--seeds", "1", "--draws", "1"});
  auto with_json = one;
  with_json.push_back("--json");
  const Result table = run(one, folder.path), json = run(with_json, folder.path);
  CAPTURE(table.out);
  CHECK(table.code == 0);
  CHECK(contains(table.out, "learned      2"));
  CHECK_FALSE(contains(table.out, "+-"));
  CHECK_FALSE(contains(table.out, "standard error"));
  CHECK_FALSE(contains(table.out, "nan"));
  const auto rows = nlohmann::json::parse(json.out)["results"];
  CHECK(rows[1]["accuracy_mean"].is_number());
  CHECK(rows[1]["accuracy_se"].is_null());
}

TEST_CASE("eval of a run writes the JSON to a file too, with and without methods, beside what it prints") {
  const Folder& folder = trained();
  const Result table = run(tiny_eval({"--data", "squares=data"}), folder.path),
               json = run(tiny_eval({"--data", "squares=data", "--json"}), folder.path);
  const Result both =
      run(tiny_eval({"--data", "squares=data", "--out", "r/evaluations/deep/eval.json"}), folder.path);
  CAPTURE(both.err);
  CHECK(both.code == 0);
  CHECK(both.out == table.out);
  CHECK(slurp(folder / "r/evaluations/deep/eval.json") == json.out);
  const std::vector<std::string> methods = {"--methods",    "random,learned",   "--data",
                                            "squares=data", "--representation", "8"};
  auto with_json = methods, with_out = methods;
  with_json.push_back("--json");
  with_out.insert(with_out.end(), {"--out", "r/evaluations/deep/methods.json"});
  CHECK(run(tiny_eval(with_out), folder.path).code == 0);
  CHECK(slurp(folder / "r/evaluations/deep/methods.json") == run(tiny_eval(with_json), folder.path).out);
  CHECK(std::distance(fs::directory_iterator(folder / "r/evaluations/deep"), {}) == 2);
  for (const char* wrong : {"r", "new/", ""}) {
    const Result refused = run(tiny_eval({"--data", "squares=data", "--out", wrong}), folder.path);
    CHECK(refused.code == 64);
    CHECK(contains(refused.err, "--out '" + std::string(wrong) + "' is not a file name"));
  }
  CHECK(run(tiny_eval({"--data", "squares=data", "--out", "r/metrics.csv/x.json"}), folder.path).code == 74);
}

TEST_CASE("eval of a run shows permuted inputs where it is told to") {
  const Folder& folder = trained();
  const auto json = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--data", "other=other", "--json"});
    const Result result = run(tiny_eval(more), folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    return nlohmann::json::parse(result.out)["results"];
  };
  CHECK(json({}) == json({"--permutation", "0"}));
  CHECK(json({}) != json({"--permutation", "1"}));
  CHECK(contains(run(tiny_eval({"--data", "squares=data", "--permutation", "2"}), folder.path).out,
                 "input: in random order number 2\n"));
  CHECK(json({"--permutation", "1"}) != json({"--permutation", "2"}));
  const Result idle = run(held_out({"--permutation", "1"}), folder.path);
  CHECK(idle.code == 64);
  CHECK(contains(idle.err, "--permutation has no effect with --held-out"));
}

TEST_CASE("eval of a run prints a table that names the snapshot and the split") {
  const Folder& folder = trained();
  const Result result = run(tiny_eval({"--data", "squares=data"}), folder.path);
  CHECK(result.code == 0);
  CHECK(contains(result.out, "theta: " + fs::relative(snapshots(folder / "r").back(), folder.path).string()));
  for (const char* part : {"squares", "accuracy", "objective", "learned"}) CHECK(contains(result.out, part));
}

TEST_CASE("eval of a run on held-out tasks says how the evaluation step was chosen") {
  const Folder& folder = trained();
  const Result result = run(held_out({"--json"}), folder.path);
  REQUIRE(result.code == 0);
  CHECK(run(held_out({"--json", "--noise", "0"}), folder.path).out == result.out);
  CHECK(run(held_out({"--json", "--noise", "1"}), folder.path).out !=
        result.out);  // of tasks with another augmentation
  CHECK(contains(run(tiny_eval({"--data", "squares=data", "--noise", "1"}), folder.path).err,
                 "--noise has no effect without --held-out, whose tasks it sets"));
  const auto json = nlohmann::json::parse(result.out);
  REQUIRE(json["meta_validation"].size() == json["results"].size());
  double best = 0;
  std::int64_t mark = 0;
  for (const auto& row : json["meta_validation"])
    if (row["step"] > 0 && row["accuracy_mean"] > best) best = row["accuracy_mean"], mark = row["step"];
  CHECK(json["chosen_step"] == mark);
}

TEST_CASE("eval of a run on held-out tasks chooses an evaluation step and prints the rule's gain there") {
  const Folder& folder = trained();
  const Result table = run(held_out({}), folder.path);
  CAPTURE(table.err);
  CHECK(table.code == 0);
  for (const char* part :
       {"evaluation step chosen on meta-validation tasks", "neither for training nor for choosing",
        "cifar10, imagenet: held-out classes", "random initialisation", " points (standard error "})
    CHECK(contains(table.out, part));
  const Result json = run(held_out({"--json"}), folder.path);
  const auto report = nlohmann::json::parse(json.out);
  CHECK(report["results"].size() == 3);
  CHECK((report["chosen_step"] == 2 || report["chosen_step"] == 4));
  for (const auto& row : report["results"]) {
    CHECK(row["data"] == "test");
    if (row["step"] != report["chosen_step"]) continue;
    CHECK(row["gain_mean"].get<double>() ==
          doctest::Approx(row["accuracy_mean"].get<double>() -
                          report["results"][0]["accuracy_mean"].get<double>()));
    CHECK(report["gain"]["test"]["mean"] == row["gain_mean"]);
    CHECK(report["gain"]["test"]["se"] == row["gain_se"]);
  }
  CHECK(run(program({"eval", "--theta", "r", "--held-out", "--steps", "0"}), folder.path).code == 64);
}

TEST_CASE("eval of a run gives the same numbers on one thread and on two") {
  const Folder& folder = trained();
  const auto at = [&](const char* threads) {
    return run(tiny_eval({"--data", "squares=data", "--json", "--threads", threads}), folder.path).out;
  };
  CHECK(at("1") == at("2"));
}

TEST_CASE("eval of a run takes sizes only as theta has them, and names both") {
  const Folder& folder = trained();
  const Result wrong = run(tiny_eval({"--data", "squares=data", "--h-size", "8"}), folder.path);
  CHECK(wrong.code == 64);
  CHECK(contains(wrong.err, "--h-size 8"));
  CHECK(contains(wrong.err, "h-size = 4"));
  CHECK(run(tiny_eval({"--data", "squares=data", "--h-size", "4"}), folder.path).code == 0);
}

TEST_CASE("eval of a run takes another activation, rate or batch size than the training's, and says so") {
  const Folder& folder = trained();
  for (const auto& [words, says] : std::vector<std::pair<std::vector<std::string>, const char*>>{
           {{"--activation", "tanh"},
            "note: --activation is tanh, r/snapshot-00000006.h5 was trained with relu"},
           {{"--inner-rate", "0.02"}, "was trained with 0.01"},
           {{"--batch", "16"}, "was trained with 8"}}) {
    auto all = words;
    all.insert(all.end(), {"--data", "squares=data"});
    const Result alone = run(tiny_eval(all), folder.path);
    CHECK(alone.code == 0);
    CHECK_MESSAGE(contains(alone.err, says), alone.err);
    all.insert(all.end(), {"--methods", "learned", "--representation", "8", "--labels-per-class", "4"});
    CHECK(contains(run(tiny_eval(all), folder.path).err, says));
  }
}

TEST_CASE("eval of a run refuses what it can't do") {
  const Folder& folder = trained();
  struct Row {
    std::vector<std::string> words;
    int code;
    const char* says;
  };
  for (const Row& row :
       {Row{{}, 64, "--data"}, Row{{"--data", "squares=data", "--batch", "1"}, 64, "2 .. 65536"},
        Row{{"--data", "squares=nowhere"}, 66, "nowhere"},
        Row{{"--data", "squares=data", "--sede", "1"}, 64, "--seed"},
        Row{{"--data", "squares=data", "--tasks", "2"}, 64, "--held-out"},
        Row{{"--held-out"}, 64, "--layers"},
        Row{{"--data", "squares=data", "--data", "squares=other"}, 64, "squares=other"},
        Row{{"--data", "squares=data", "--inner-rate", "7"}, 64, "--inner-rate"}}) {
    const Result result = run(tiny_eval(row.words), folder.path);
    CAPTURE(result.err);
    CHECK(result.code == row.code);
    CHECK(contains(result.err, row.says));
    CHECK(result.out.empty());
  }
  CHECK(contains(run(program({"eval", "--theta", "r", "--held-out", "--seeds", "2"}), folder.path).err,
                 "--seeds"));
  CHECK(
      run(program({"eval", "--theta", "r", "--data", "squares=data", "--steps", "5,2"}), folder.path).code ==
      64);
  CHECK(run(program({"eval", "--theta", "r", "--data", "squares=data", "--layers", "0"}), folder.path).code ==
        64);
}

TEST_CASE(
    "the evaluation step that a run's validations chose is always in the table, but only where it was chosen "
    "for these "
    "settings") {
  Folder folder;
  IdxImages().write(folder / "data");
  auto words = with(tiny_training("r", "squares=data", {"--validate-steps", "0,3", "--validate-tasks", "2"}),
                    "--validate-every", "6");
  REQUIRE(run(words, folder.path).code == 0);
  const auto report = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"--data", "squares=data", "--json"};
    all.insert(all.end(), more.begin(), more.end());
    const Result result = run(tiny_eval(all), folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    return std::pair(nlohmann::json::parse(result.out), result.err);
  };
  const auto [same, quiet] = report({"--inner-rate", "0.01"});
  CHECK(same["chosen_step"] == 3);
  CHECK(same["results"].size() == 4);
  CHECK(same["results"][2]["step"] == 3);
  CHECK(same["gain"].contains("squares"));
  CHECK(quiet.find("note: data 'squares' was in the training set of ") ==
        0);  // and no note about the evaluation step
  CHECK(std::count(quiet.begin(), quiet.end(), '\n') == 1);
  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
           {"--inner-rate", "0.02"}, {"--activation", "tanh"}, {"--batch", "16"}, {"--raw"}}) {
    CAPTURE(more.front());
    const auto [other, note] = report(more);
    CHECK(other["chosen_step"].is_null());
    CHECK(other["results"].size() == 3);
    CHECK(contains(note, more.front()));
    CHECK(contains(note, "not used"));
  }
  const Result on_test = run(held_out({"--json"}), folder.path);
  CHECK(nlohmann::json::parse(on_test.out)["chosen_step"] == 3);
}

TEST_CASE("held-out tables choose and report on different images") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("r", "squares=data"), folder.path).code == 0);
  const std::string before = run(held_out({"--json"}), folder.path).out;
  // Other test images change the report. Were the report of meta-validation tasks (a tenth of the training
  // files), it would stay.
  IdxImages other{.noise = 7};
  spill(folder / "data/t10k-images-idx3-ubyte", other.images());
  CHECK(run(held_out({"--json"}), folder.path).out != before);
}

TEST_CASE("a damaged snapshot is refused by name") {
  Folder folder;
  fs::copy(trained().path, folder.path, fs::copy_options::recursive);
  const fs::path snapshot = snapshots(folder / "r").back();
  damage(snapshot);
  const Result result =
      run(with(tiny_eval({"--data", "squares=data"}), "--theta", snapshot.string()), folder.path);
  CHECK(result.code == 65);
  CHECK(contains(result.err, snapshot.filename().string()));
}

TEST_CASE("of a run whose newest snapshot is damaged the one before is used, and said so") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data"), "--save-every", "1"), folder.path).code == 0);
  const auto all = snapshots(folder / "r");
  REQUIRE(all.size() >= 2);
  damage(all.back());
  const std::string damaged = all.back().filename().string(), whole = all[all.size() - 2].filename().string();
  for (const auto& words : {tiny_eval({"--data", "squares=data"}), program({"inspect", "r"})}) {
    const Result result = run(words, folder.path);
    CAPTURE(result.err);
    CHECK(result.code == 0);
    CHECK(contains(result.out, whole));
    CHECK(!contains(result.out, damaged));
    CHECK(contains(result.err, "note: "));
    CHECK(contains(result.err, damaged));
    CHECK(contains(result.err, whole));
  }
}

TEST_CASE("a theta of another size than its configuration says is refused by both sizes") {
  Folder folder;
  fs::copy(trained().path, folder.path, fs::copy_options::recursive);
  const auto path = snapshots(folder / "r").back().string();
  auto archive = checkpoints::load_snapshot(path);
  archive.set("config", "h-size", std::string("8"));
  checkpoints::save_snapshot(path, archive);
  const Result result = run(tiny_eval({"--data", "squares=data"}), folder.path);
  CAPTURE(result.err);
  CHECK(result.code == 65);
  CHECK(contains(result.err, "theta_average/"));
  CHECK(contains(result.err, "4"));
  CHECK(contains(result.err, "8"));
}
