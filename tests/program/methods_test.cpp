// eval --methods: one table of all methods, and what it refuses.
#include <nlohmann/json.hpp>

#include <set>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

std::vector<std::string> comparison(std::vector<std::string> more) {
  std::vector<std::string> words = {"eval", "--data", "squares=data", "--steps", "0,3", "--layers", "8", "--representation", "8", "--seeds", "2", "--draws", "1", "--labels-per-class", "4"};
  words.insert(words.end(), more.begin(), more.end());
  return program(std::move(words));
}

const std::vector<std::string> kWithoutTheta = {"random", "pixels", "pca", "pca_white", "kmeans", "random_relu", "supervised", "supervised_all", "vae", "oja"};

/// Methods that see no example of the train split, or none without its label.
const std::set<std::string> kSeeNone = {"random", "pixels", "random_relu", "supervised", "supervised_all"};

}  // namespace

TEST_CASE("eval --methods compares all methods, also two trained rules, on the same draws") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("metz", "squares=data"), folder.path).code == 0);
  const Result trained = run(tiny_training("synaptic", "squares=data", {"--rule", "synaptic"}), folder.path);
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);

  SUBCASE("as JSON: a row for each data set, method, mark and head") {
    const Result result = run(comparison({"--methods", "all", "--theta", "metz", "--theta", "synaptic", "--json"}), folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    for (const char* rule : {"metz", "synaptic"}) CHECK(result.err.find(std::string("note: data 'squares' was in the training set of ") + rule) != std::string::npos);
    const auto json = nlohmann::json::parse(result.out);
    std::set<std::string> methods;
    const char* heads[] = {"ridge", "ridge_cv", "logistic_cv"};
    std::map<std::string, double> start;
    for (std::size_t i = 0; i < json["results"].size(); ++i) {
      const auto& row = json["results"][i];
      const std::string method = row["method"];
      methods.insert(method);
      CHECK(row["head"] == heads[i % 3]);
      CHECK(row["data"] == "squares");
      CHECK(row["seeds"] == 2);
      CHECK(row["accuracy_mean"].get<double>() >= 0);
      CHECK(row["accuracy_mean"].get<double>() <= 1);
      CHECK(row["accuracy_ci95"].get<double>() >= 0);
      CHECK((row["unlabelled"].get<int>() > 0) == (!kSeeNone.contains(method) && row["step"].get<int>() > 0));
      CHECK((row["labelled"].get<int>() > 0) == (method == "supervised_all" && row["step"].get<int>() > 0));
      if (method == "random") start[row["head"]] = row["accuracy_mean"];
      CHECK(row["gain_mean"].get<double>() == doctest::Approx(row["accuracy_mean"].get<double>() - start.at(row["head"])));
      // What starts from the same phi_0 stands where random does.
      if (row["step"] == 0 && method != "pixels" && method != "random_relu") CHECK(row["gain_mean"].get<double>() == doctest::Approx(0));
      CHECK(json["methods"].contains(method));
    }
    std::set<std::string> all(kWithoutTheta.begin(), kWithoutTheta.end());
    all.insert({"learned", "synaptic"});
    CHECK(methods == all);
    CHECK(json["protocol"]["labels_per_class"] == 4);
  }
  SUBCASE("the learned rule's ridge row is that of eval without --methods") {
    const auto rows = [&](std::vector<std::string> more) { return nlohmann::json::parse(run(comparison(std::move(more)), folder.path).out)["results"]; };
    const auto alone = rows({"--theta", "metz", "--json"}), beside = rows({"--methods", "random,learned", "--theta", "metz", "--json"});
    CHECK(alone[1]["head"] == "ridge");
    CHECK(alone[1]["step"] == 3);
    CHECK(beside[6]["method"] == "learned");
    CHECK(beside[6]["step"] == 3);
    CHECK(beside[6]["accuracy_mean"].get<double>() == doctest::Approx(alone[1]["accuracy_mean"].get<double>()));
    CHECK(beside[6]["gain_se"].get<double>() == doctest::Approx(alone[1]["gain_se"].get<double>()));
  }
}

TEST_CASE("without a theta all other methods are compared, in one table that names the split, the settings and what each method saw") {
  Folder folder;
  IdxImages().write(folder / "data");
  IdxImages{.noise = 5}.write(folder / "other");
  const Result result = run(comparison({"--methods", "all", "--data", "other=other"}), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "left out: synaptic, learned"));
  for (const auto& method : kWithoutTheta) CHECK(contains(result.out, method));
  for (const char* part : {"ridge_cv", "logistic_cv", "unlabelled", " test", "squares", "other", "95 %", "(384)"}) CHECK(contains(result.out, part));
  CHECK(run(comparison({"--methods", "random,pca", "--threads", "1"}), folder.path).out == run(comparison({"--methods", "pca, random", "--threads", "3"}), folder.path).out);
}

TEST_CASE("eval --methods refuses what it can't do") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("metz", "squares=data"), folder.path).code == 0);
  struct Row { std::vector<std::string> words; const char* says; };
  for (const Row& row : {Row{{"--methods", "randm"}, "did you mean 'random'"},
                         Row{{"--methods", ""}, "no method"},
                         Row{{"--methods", "learned"}, "--theta"},
                         Row{{"--methods", "synaptic", "--theta", "metz"}, "synaptic"},
                         Row{{"--methods", "random", "--held-out"}, "--held-out"},
                         Row{{"--methods", "learned", "--theta", "metz", "--theta", "metz"}, "twice"},
                         Row{{"--theta", "metz", "--theta", "metz"}, "--methods"},
                         Row{{"--methods", "random", "--theta", "metz", "--h-size", "9"}, "--h-size 9"},
                         Row{{"--methods", "random", "--batch", "9"}, "--batch has no effect"},
                         Row{{"--methods", "random", "--h-size", "9"}, "--h-size has no effect"},
                         Row{{"--methods", "random", "--raw"}, "--raw has no effect"}}) {
    auto words = row.words;
    words.insert(words.begin(), {"eval", "--data", "squares=data", "--labels-per-class", "4"});
    const Result result = run(program(words), folder.path);
    CAPTURE(result.err);
    CHECK(result.code == 64);
    CHECK(contains(result.err, row.says));
    CHECK(result.out.empty());
  }
}
