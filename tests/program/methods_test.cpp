// eval --methods: one table of all methods, and its errors.
#include <nlohmann/json.hpp>

#include <iterator>
#include <set>
#include <sstream>

#include "program_fixture.hpp"

using namespace program_test;

namespace {

std::vector<std::string> comparison(std::vector<std::string> more) {
  std::vector<std::string> words = {"eval",
                                    "--data",
                                    "squares=data",
                                    "--steps",
                                    "0,3",
                                    "--layers",
                                    "8",
                                    "--representation",
                                    "8",
                                    "--seeds",
                                    "2",
                                    "--draws",
                                    "1",
                                    "--labels-per-class",
                                    "4"};
  words.insert(words.end(), more.begin(), more.end());
  return program(std::move(words));
}

const std::vector<std::string> kWithoutTheta = {"random", "pixels",      "pca",        "pca_white",
                                                "kmeans", "random_relu", "supervised", "supervised_all",
                                                "vae",    "oja"};

/// The words of a text, split at white space.
std::set<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

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

  SUBCASE("as JSON: a row for each data set, method, evaluation step and head") {
    const Result result = run(
        comparison({"--methods", "all", "--theta", "metz", "--theta", "synaptic", "--json"}), folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    for (const char* rule : {"metz", "synaptic"})
      CHECK(result.err.find(std::string("note: data 'squares' was in the training set of ") + rule) !=
            std::string::npos);
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
      CHECK(row["not_finite"] == 0);
      CHECK(row["not_converged"] == 0);
      CHECK(row["accuracy_mean"].get<double>() >= 0);
      CHECK(row["accuracy_mean"].get<double>() <= 1);
      CHECK(row["accuracy_ci95"].get<double>() >= 0);
      CHECK((row["unlabelled"].get<int>() > 0) == (!kSeeNone.contains(method) && row["step"].get<int>() > 0));
      CHECK((row["labelled"].get<int>() > 0) == (method == "supervised_all" && row["step"].get<int>() > 0));
      if (method == "random") start[row["head"]] = row["accuracy_mean"];
      CHECK(row["gain_mean"].get<double>() ==
            doctest::Approx(row["accuracy_mean"].get<double>() - start.at(row["head"])));
      // Methods that start from the same phi_0 have random's figures there.
      if (row["step"] == 0 && method != "pixels" && method != "random_relu")
        CHECK(row["gain_mean"].get<double>() == doctest::Approx(0));
      CHECK(json["methods"].contains(method));
    }
    std::set<std::string> all(kWithoutTheta.begin(), kWithoutTheta.end());
    all.insert({"learned", "synaptic"});
    CHECK(methods == all);
    const auto protocol = json["protocol"];
    CHECK(protocol["labels_per_class"] == 4);
    CHECK(protocol["seed"] == 0);
    REQUIRE(protocol["data"].size() == 1);
    CHECK(protocol["data"][0]["name"] == "squares");
    CHECK(contains(protocol["data"][0]["split"], "160 test"));
    REQUIRE(protocol["theta"].size() == 2);
    CHECK(protocol["theta"][0]["file"] ==
          fs::relative(snapshots(folder / "metz").back(), folder.path).string());
    CHECK(protocol["theta"][0]["label"] == "moving average");
    CHECK(protocol["theta"][1]["rule"] == "synaptic");
    CHECK(!contains(result.err, "--held-out"));  // which --methods refuses
  }
  SUBCASE("the learned rule's ridge row is that of eval without --methods") {
    const auto rows = [&](std::vector<std::string> more) {
      return nlohmann::json::parse(run(comparison(std::move(more)), folder.path).out)["results"];
    };
    const auto alone = rows({"--theta", "metz", "--json"}),
               beside = rows({"--methods", "random,learned", "--theta", "metz", "--json"});
    CHECK(alone[1]["head"] == "ridge");
    CHECK(alone[1]["step"] == 3);
    CHECK(beside[6]["method"] == "learned");
    CHECK(beside[6]["step"] == 3);
    CHECK(beside[6]["accuracy_mean"].get<double>() ==
          doctest::Approx(alone[1]["accuracy_mean"].get<double>()));
    CHECK(beside[6]["gain_se"].get<double>() == doctest::Approx(alone[1]["gain_se"].get<double>()));
  }
  SUBCASE("the thetas' order changes nothing, and labels per class are not theirs") {
    const auto rows = [&](const std::string& first, const std::string& second) {
      const auto words = program({"eval", "--data", "squares=data", "--methods", "random,synaptic,learned",
                                  "--theta", first, "--theta", second, "--steps", "2", "--layers", "8",
                                  "--seeds", "2", "--draws", "1", "--json"});
      const Result result = run(words, folder.path);
      CAPTURE(result.err);
      REQUIRE(result.code == 0);
      const auto json = nlohmann::json::parse(result.out);
      CHECK(json["protocol"]["labels_per_class"] == 10);  // both were trained with 4
      return json["results"];
    };
    CHECK(rows("metz", "synaptic") == rows("synaptic", "metz"));
  }
  SUBCASE("eval names a theta's rule as --methods does") {
    const Result alone = run(comparison({"--theta", "synaptic", "--json"}), folder.path);
    CAPTURE(alone.err);
    const auto rows = nlohmann::json::parse(alone.out)["results"];
    CHECK(!rows.empty());
    for (const auto& row : rows) CHECK(row["method"] == "synaptic");
  }
}

TEST_CASE("thetas that ask for other inputs are compared where the command line says which") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("metz", "squares=data"), folder.path).code == 0);
  REQUIRE(
      run(tiny_training("synaptic", "squares=data", {"--rule", "synaptic", "--resolution", "7"}), folder.path)
          .code == 0);
  const std::vector<std::string> words = {"--methods", "synaptic,learned", "--theta",
                                          "metz",      "--theta",          "synaptic"};
  const Result refused = run(comparison(words), folder.path);
  CHECK(refused.code == 64);
  for (const char* part : {"metz/snapshot", "resolution = 14", "synaptic/snapshot", "has 7", "--resolution"})
    CHECK_MESSAGE(contains(refused.err, part), refused.err);
  auto said = words;
  said.insert(said.end(), {"--resolution", "7"});
  CHECK(run(comparison(said), folder.path).code == 0);
}

TEST_CASE(
    "the evaluation step that meta-validation chose is among those of its method, and starred, but only "
    "where it was "
    "chosen for these settings") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(with(tiny_training("r", "squares=data", {"--validate-steps", "0,3", "--validate-tasks", "2"}),
                   "--validate-every", "6"),
              folder.path)
              .code == 0);
  const auto of_learned = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {
        "eval",     "--data", "squares=data", "--methods", "random,learned", "--theta", "r",
        "--layers", "8",      "--seeds",      "2",         "--draws",        "1"};
    words.insert(words.end(), more.begin(), more.end());
    const Result result = run(program(words), folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    return result;
  };
  const auto steps = [](const nlohmann::json& json) {
    std::set<int> found;
    for (const auto& row : json["results"])
      if (row["method"] == "learned") found.insert(row["step"].get<int>());
    return found;
  };
  const auto json = nlohmann::json::parse(of_learned({"--labels-per-class", "4", "--json"}).out);
  CHECK(steps(json) == std::set<int>{3, 10, 25, 50, 100});
  CHECK(json["methods"]["learned"]["chosen_step"] == 3);
  CHECK(json["methods"]["random"]["chosen_step"].is_null());
  const std::string table = of_learned({"--labels-per-class", "4"}).out;
  CHECK(words_of(table).contains("3*"));
  CHECK(contains(table, "*: learned: evaluation step chosen on meta-validation tasks: 3 inner steps"));
  for (const auto& [more, says] : std::vector<std::pair<std::vector<std::string>, const char*>>{
           {{}, "--labels-per-class is 10, but was 4 in the run"},
           {{"--labels-per-class", "4", "--inner-rate", "0.02"},
            "--inner-rate is 0.02, but was 0.01 in the run"}}) {
    auto words = more;
    words.push_back("--json");
    const Result other = of_learned(words);
    CHECK_MESSAGE(contains(other.err, std::string("is not used: ") + says), other.err);
    CHECK(nlohmann::json::parse(other.out)["methods"]["learned"]["chosen_step"].is_null());
    CHECK(steps(nlohmann::json::parse(other.out)) == std::set<int>{10, 25, 50, 100});
  }
}

TEST_CASE("a method that diverges is counted, marked in the table and said, not only given accuracy 0") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("r", "squares=data"), folder.path).code == 0);
  // A theta of huge numbers, like a broken one: theta is finite, but phi becomes non-finite.
  REQUIRE(run(program({"export", "r", "--out", "theta.npz"}), folder.path).code == 0);
  REQUIRE(run({"/usr/bin/python3", "-c",
               "import numpy as np; np.savez('huge.npz', **{n: x * 1e30 if not n.startswith('config') else x "
               "for n, x in np.load('theta.npz').items()})"},
              folder.path)
              .code == 0);
  REQUIRE(run(program({"import", "huge.npz", "--out", "huge.h5"}), folder.path).code == 0);
  const Result table = run(comparison({"--methods", "random,learned", "--theta", "huge.h5"}), folder.path);
  CHECK(table.code == 0);
  CHECK_MESSAGE(
      contains(table.err,
               "note: squares: learned diverged: after 3 steps 2 of 2 fits have non-finite features"),
      table.err);
  CHECK(contains(table.out, " !"));
  CHECK(contains(table.out, "!: some fits have non-finite features"));
  CHECK_MESSAGE(contains(table.err, "note: the training data of huge.h5 is not known"), table.err);
  const auto rows = nlohmann::json::parse(
      run(comparison({"--methods", "random,learned", "--theta", "huge.h5", "--json"}), folder.path)
          .out)["results"];
  CHECK(!rows.empty());
  for (const auto& row : rows)
    CHECK(row["not_finite"] == (row["method"] == "learned" && row["step"] == 3 ? 2 : 0));
}

TEST_CASE(
    "a method that can be scored at no evaluation step is refused by name, and left out of all with a note") {
  Folder folder;
  IdxImages().write(folder / "data");
  const Result named = run(with(comparison({"--methods", "pca,kmeans"}), "--steps", "0"), folder.path);
  CHECK(named.code == 64);
  for (const char* part : {"pca cannot be scored", "--steps 0", "an evaluation step of 1 or more"})
    CHECK_MESSAGE(contains(named.err, part), named.err);
  CHECK(named.out.empty());
  const Result all = run(with(comparison({"--methods", "all"}), "--steps", "0"), folder.path);
  CHECK(all.code == 0);
  for (const char* method : {"pca", "pca_white", "kmeans"}) {
    CHECK_MESSAGE(contains(all.err, std::string("note: ") + method + " cannot be scored"), all.err);
    CHECK(!words_of(all.out).contains(method));
  }
  CHECK(words_of(all.out).contains("vae"));
}

TEST_CASE(
    "without a theta all other methods are compared, in one table that names the split, the settings and "
    "what each method saw") {
  Folder folder;
  IdxImages().write(folder / "data");
  IdxImages{.noise = 5}.write(folder / "other");
  const Result result = run(comparison({"--methods", "all", "--data", "other=other"}), folder.path);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "left out, as their rule has no --theta: synaptic, learned"));
  const auto words = words_of(
      result.out.substr(result.out.find("gain (ridge)"),
                        result.out.find("\n\n2 seeds") - result.out.find("gain (ridge)")));  // only the table
  for (const auto& method : kWithoutTheta) CHECK_MESSAGE(words.contains(method), method);
  for (const char* method : {"synaptic", "learned"}) CHECK(!words.contains(method));
  for (const char* part :
       {"ridge_cv", "logistic_cv", "unlabelled", " test", "squares", "other", "95 %", "(384)"})
    CHECK(contains(result.out, part));
  CHECK(run(comparison({"--methods", "random,pca", "--threads", "1"}), folder.path).out ==
        run(comparison({"--methods", "pca, random", "--threads", "3"}), folder.path).out);
}

TEST_CASE("eval --methods refuses what it can't do") {
  Folder folder;
  IdxImages().write(folder / "data");
  REQUIRE(run(tiny_training("metz", "squares=data"), folder.path).code == 0);
  struct Row {
    std::vector<std::string> words;
    const char* says;
  };
  for (const Row& row : {Row{{"--methods", "randm"}, "did you mean 'random'"},
                         Row{{"--methods", ""}, "no method"}, Row{{"--methods", "synaptic"}, "--theta"},
                         Row{{"--methods", "learned", "--representation", "8"},
                             "--representation 8 does not fit theta: theta-laptop"},
                         Row{{"--methods", "all", "--rule", "synaptic"}, "--rule has no effect"},
                         Row{{"--methods", "synaptic", "--theta", "metz"}, "synaptic"},
                         Row{{"--methods", "random", "--held-out"}, "--held-out"},
                         Row{{"--methods", "learned", "--theta", "metz", "--theta", "metz"}, "twice"},
                         Row{{"--theta", "metz", "--theta", "metz"}, "--methods"},
                         Row{{"--methods", "learned", "--theta", "metz", "--h-size", "9"}, "--h-size 9"},
                         Row{{"--methods", "random,pixels", "--theta", "metz"},
                             "--methods does not name learned, the method of its rule"},
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
