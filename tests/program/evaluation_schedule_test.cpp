// eval-data: test curves next to the training curve.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;
using Json = nlohmann::json;

namespace {

std::vector<std::string> evaluating(const std::string& run, std::vector<std::string> more = {}) {
  more.insert(more.begin(),
              {"--eval-data", "held=other", "--eval-every", "2", "--eval-steps", "0,2", "--eval-seeds", "2"});
  return with(tiny_training(run, "squares=data", std::move(more)), "--updates", "5");
}

struct Data : Folder {
  Data() {
    IdxImages().write(path / "data");
    IdxImages other;
    other.noise = 5;
    other.write(path / "other");
  }
};

}  // namespace

TEST_CASE(
    "evaluations.csv has the numbers that eval gives for the snapshots; training, reproducing and comparing "
    "do not depend on them") {
  Data folder;
  REQUIRE(run(with(tiny_training("plain", "squares=data"), "--updates", "5"), folder.path).code == 0);
  const Result trained = run(evaluating("r", {"--keep-every", "2", "--tensorboard", "true"}), folder.path);
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(contains(trained.err + trained.out, "evaluated update 2: held 0."));
  CHECK(arrays(folder / "r") == arrays(folder / "plain"));
  CHECK(metrics(folder / "r") == metrics(folder / "plain"));
  const std::string rows = slurp(folder / "r/evaluations.csv");
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 5);
  for (const char* update : {"2", "4"}) {
    const Result eval = run(program({"eval", "--theta", "r/snapshot-0000000" + std::string(update) + ".h5",
                                     "--data", "held=other", "--steps", "0,2", "--seeds", "2", "--json"}),
                            folder.path);
    REQUIRE(eval.code == 0);
    const Json found = Json::parse(eval.out)["results"];
    for (const auto& row : found)
      CHECK(contains(rows, fmt::format("{},held,{},{:.9g},{:.9g},{:.9g},", update, row["step"].get<int>(),
                                       row["accuracy_mean"].get<double>(), row["accuracy_se"].get<double>(),
                                       row["objective_mean"].get<double>())));
  }
  const Result verified = run(program({"verify", "r"}), folder.path);
  CHECK(verified.code == 0);
  CHECK(contains(verified.out, "evaluations.csv"));
  fs::rename(folder / "other", folder / "away");  // not needed to repeat the training
  const Result reproduced = run(program({"reproduce", "r"}), folder.path);
  CAPTURE(reproduced.err);
  CHECK(reproduced.code == 0);
  CHECK(run(program({"diff", "r", "plain"}), folder.path).code == 0);

  // A resume may move the data or leave it out.
  const Result lost = run(program({"resume", "r", "--updates", "6"}), folder.path);
  CHECK(lost.code == 66);
  CHECK(contains(lost.err, "held"));
  REQUIRE(run(program({"resume", "r", "--updates", "6", "--eval-data", "held=away"}), folder.path).code == 0);
  CHECK(slurp(folder / "r/evaluations.csv").starts_with(rows + "6,held,0,"));
  const std::string before = slurp(folder / "r/evaluations.csv");
  const Result other = run(program({"resume", "r", "--updates", "8", "--eval-data", "held=data"}),
                           folder.path);  // would continue the same curve
  CHECK(other.code == 64);
  CHECK(contains(other.err, "its 'held' was another data set"));
  CHECK(slurp(folder / "r/evaluations.csv") == before);
  CHECK(run(program({"resume", "r", "--updates", "7", "--eval-data", "none"}), folder.path).code == 0);
  CHECK(run(program({"resume", "r", "--updates", "8", "--eval-data", "held=away", "--eval-every", "0"}),
            folder.path)
            .code == 0);
  CHECK(!contains(slurp(folder / "r/evaluations.csv"), "8,held"));
  spill(folder / "r/evaluations.csv", rows.substr(0, rows.find("4,held")));
  CHECK(run(program({"resume", "r", "--updates", "9", "--eval-every", "2"}), folder.path).code == 0);
  spill(folder / "r/evaluations.csv", rows.substr(0, rows.find("4,held")));
  const Result cut = run(program({"verify", "r"}), folder.path);
  CHECK(cut.code == 0);
  CHECK(contains(cut.out, "has no rows of update 8, which eval-every asks for"));
  // A run that started without eval-data may add it later.
  REQUIRE(run(program({"resume", "plain", "--updates", "6", "--eval-data", "held=away", "--eval-every", "3",
                       "--eval-steps", "1", "--eval-seeds", "1"}),
              folder.path)
              .code == 0);
  CHECK(slurp(folder / "plain/evaluations.csv")
            .starts_with("update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds,"
                         "source\n6,held,1,"));
}

TEST_CASE("what can't be evaluated on is told before the run begins; what is trained on too is said") {
  Data folder;
  const auto refused = [&](const std::vector<std::string>& words, int code, const char* part) {
    const Result result = run(words, folder.path);
    CAPTURE(result.err);
    CHECK(result.code == code);
    CHECK(contains(result.err, part));
    CHECK(!fs::exists(folder / "r"));
  };
  refused(with(evaluating("r"), "--eval-data", "held=nowhere"), 66, "nowhere");
  refused(with(evaluating("r"), "--eval-data", "bags"), 64, "bags");
  refused(with(evaluating("r"), "--eval-steps", "5,2"), 64, "eval-steps");
  IdxImages few;
  few.per_class = 5;
  few.write(folder / "few");
  refused(with(evaluating("r"), "--eval-data", "few=few"), 65, "few");
  const Result same = run(with(evaluating("r"), "--eval-data", "again=data"), folder.path);
  CHECK(same.code == 0);
  CHECK(contains(same.out + same.err, "eval-data again is also training data"));
}
