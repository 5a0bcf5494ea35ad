// metalearn data, and training and evaluation on kinds of data other than IDX.
#include <nlohmann/json.hpp>

#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;

namespace {

using Json = nlohmann::json;

/// Rows of 6 features in which class c stands out in feature c.
std::string table(int rows, const std::vector<std::string>& labels) {
  std::string text = "a,b,c,d,e,f,label\n";
  std::uint32_t state = 7;
  for (int i = 0; i < rows; ++i) {
    const auto c = static_cast<std::size_t>(i) % labels.size();
    for (std::size_t j = 0; j < 6; ++j) {
      state = state * 1664525u + 1013904223u;
      text += std::to_string((j == c ? 3.0 : 0.0) + static_cast<double>(state >> 16) / 65536) + ",";
    }
    text += labels[c] + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("data prints what a set holds, in lines and as JSON") {
  Folder folder;
  spill(folder / "mine.csv", table(200, {"ant", "bee"}));
  const Result text = run(program({"data", "mine=mine.csv"}), folder.path);
  CHECK(text.code == 0);
  for (const char* part :
       {"mine: features in CSV", "6 features", "one part only", "ant", "bee", "mine.csv crc32 ", "lowest"})
    CHECK(contains(text.out, part));
  IdxImages{.classes = 3, .per_class = 50}.write(folder / "idx");
  const Result result = run(program({"data", "mine=mine.csv", "images=idx", "--json"}), folder.path);
  CHECK(result.code == 0);
  const Json json = Json::parse(result.out);
  REQUIRE(json.size() == 2);
  CHECK(json[0]["features"] == 6);
  CHECK(json[0]["splits"]["train"]["count"].get<int>() +
            json[0]["splits"]["validation"]["count"].get<int>() ==
        160);
  CHECK(json[0]["splits"]["test"]["count"] == 40);
  CHECK(json[0]["classes"][1]["name"] == "bee");
  CHECK(json[0]["classes"][1]["test"] == 20);
  CHECK(json[1]["kind"] == "IDX images");
  CHECK(json[1]["height"] == 14);
  CHECK(json[1]["channels"] == 1);
  CHECK(fs::exists(folder / "mine.csv"));
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
}

TEST_CASE("a rule is trained and evaluated on features beside images") {
  Folder folder;
  spill(folder / "mine.csv", table(200, {"ant", "bee", "cat"}));
  IdxImages().write(folder / "idx");
  const Result trained =
      run(tiny_training("run", "mine=mine.csv", {"--data", "images=idx", "--rotate", "1", "--invert", "0.5"}),
          folder.path);
  CAPTURE(trained.err);
  CHECK(trained.code == 0);
  const Result result = run(program({"eval", "--theta", "run", "--data", "mine=mine.csv", "--steps", "0,3",
                                     "--seeds", "2", "--layers", "8", "--json"}),
                            folder.path);
  CAPTURE(result.err);
  CHECK(result.code == 0);
  const Json rows = Json::parse(result.out)["results"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["accuracy_mean"].get<double>() > 0.5);  // three classes, each with its own feature
}

TEST_CASE(
    "synthetic families are described, trained on with the same bits after a stop, and refused where "
    "examples are needed") {
  Folder folder;
  const Result described = run(program({"data", "mixture", "teacher", "bags", "--json"}), folder.path);
  CHECK(described.code == 0);
  for (const auto& family : Json::parse(described.out)) {
    CHECK(family["synthetic"] == true);
    CHECK(family["features"].is_null());
    CHECK(family["channels"].is_null());
  }
  const Result lines = run(program({"data", "mixture"}), folder.path);
  for (const char* part :
       {"mixture: Gaussian mixtures, synthetic", "a set of its own for every task", "generator, version"})
    CHECK(contains(lines.out, part));

  const std::vector<std::string> more = {"--data",           "teacher", "--data",           "bags",
                                         "--validate-steps", "0,2",     "--validate-tasks", "3",
                                         "--resolution",     "6",       "--noise",          "0.5"};
  const auto training = [&](const char* name, const char* updates) {
    return with(with(tiny_training(name, "mixture", more), "--validate-every", "3"), "--updates", updates);
  };
  const Result whole = run(training("whole", "6"), folder.path);
  CAPTURE(whole.err);
  REQUIRE(whole.code == 0);
  REQUIRE(run(training("parts", "3"), folder.path).code == 0);
  REQUIRE(run(program({"resume", "parts", "--updates", "6", "--threads", "2"}), folder.path).code == 0);
  CHECK(arrays(folder / "whole") == arrays(folder / "parts"));
  CHECK(metrics(folder / "whole") == metrics(folder / "parts"));
  const Result held_out =
      run(program({"eval", "--theta", "whole", "--held-out", "--tasks", "3", "--steps", "0,2", "--json"}),
          folder.path);
  CHECK(held_out.code == 0);
  CHECK(Json::parse(held_out.out)["results"].size() >= 2);
  CHECK(run(program({"eval", "--theta", "whole", "--data", "mixture"}), folder.path).code == 64);
  CHECK(run(program({"eval", "--methods", "pixels", "--data", "mixture"}), folder.path).code == 64);
  const Result applied =
      run(program({"apply", "--theta", "whole", "--data", "bags", "--out", "f.h5"}), folder.path);
  CHECK(applied.code == 64);
  CHECK(contains(applied.err, "has no examples of its own"));
  CHECK(!fs::exists(folder / "f.h5"));
}
