#include "metalearn/records/evaluation_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "checkpoints/error.hpp"
#include "outer_fixture.hpp"

using namespace outer_test;

namespace {

FewShotRow row(const std::string& data, std::int64_t step, double accuracy, double objective) {
  return {.data = data,
          .method = "learned",
          .step = step,
          .accuracy_mean = accuracy,
          .accuracy_se = 0.01,
          .objective_mean = objective,
          .objective_se = 0.02,
          .seeds = 4};
}

const std::vector<FewShotRow> kRows = {row("mnist", 0, 0.5, 1.2), row("mnist", 10, 0.75, 1.1),
                                       row("mnist", 30, 0.625, 1.15),
                                       row("fashion", 10, std::numeric_limits<double>::quiet_NaN(), 1)};

/// Theta's first number as accuracy, after every mark of the configuration, on one set.
PartsMaker evaluating_parts() {
  return [](const Config& config) {
    TrainerParts p = toy_parts()(config);
    p.evaluate = [marks = config.eval_steps](const std::vector<float>& theta, const Stop& stop) {
      std::vector<FewShotRow> rows;
      for (const auto mark : marks) {
        if (asked(stop)) return std::vector<FewShotRow>{};
        rows.push_back(row("toy", mark, theta[0], static_cast<double>(mark)));
      }
      return rows;
    };
    return p;
  };
}

Config config(std::int64_t every = 4) {
  Config c = tiny_config();
  c.updates = 10;
  c.eval_every = every;
  c.eval_steps = {0, 7};
  return c;
}

std::vector<float> finish(const std::unique_ptr<Trainer>& trainer) {
  trainer->run([](const Progress&) { return true; });
  return trainer->theta_average();
}

}  // namespace

TEST_CASE("rows of evaluations.csv hold one cell per column, empty where a number is not finite") {
  CHECK(evaluation_rows_header() ==
        "update,data,step,accuracy_mean,accuracy_se,objective_mean,objective_se,seeds,source\n");
  const std::string text = evaluation_rows(500, kRows, {{"mnist", "0a"}, {"fashion", "0b"}});
  CHECK(text.starts_with("500,mnist,0,0.5,0.01,1.2,0.02,4,0a\n500,mnist,10,0.75,"));
  CHECK(text.ends_with("500,fashion,10,,0.01,1,0.02,4,0b\n"));
  CHECK(evaluation_rows(500, {}, {}).empty());
}

TEST_CASE("an evaluation's event names the best mark of each set, its scalars each mark") {
  CHECK(evaluation_event(500, kRows).text ==
        "evaluated update 500: mnist 0.7500 after 10 inner steps, its best evaluation step (random "
        "initialisation 0.5000), fashion has no finite score after step 0");
  const Scalars scalars = scalars_of(kRows);
  REQUIRE(scalars.size() == 8);
  CHECK(scalars[2] == std::pair<std::string, double>("evaluation_accuracy/mnist.10", 0.75));
  CHECK(scalars[3] == std::pair<std::string, double>("evaluation_objective/mnist.10", 1.1));
}

TEST_CASE("a run evaluates its averaged theta every eval-every updates; the training does not depend on it") {
  Folder folder;
  const auto without = finish(start_with(config(0), folder / "without", evaluating_parts()));
  std::vector<Event> events;
  const auto trainer = start_with(config(), folder / "with", evaluating_parts());
  std::vector<std::string> expected;
  trainer->run([&](const Progress& p) {
    events.insert(events.end(), p.events.begin(), p.events.end());
    if (p.update % 4 == 0)
      expected.push_back(evaluation_rows(
          p.update,
          {row("toy", 0, trainer->theta_average()[0], 0), row("toy", 7, trainer->theta_average()[0], 7)},
          {}));
    return true;
  });
  CHECK(trainer->theta_average() == without);
  REQUIRE(expected.size() == 2);
  CHECK(text_of(folder / "with/evaluations.csv") == evaluation_rows_header() + expected[0] + expected[1]);
  CHECK(text_of(folder / "without/evaluations.csv") == evaluation_rows_header());
  CHECK(std::count_if(events.begin(), events.end(), [](const Event& e) {
          return e.kind == EventKind::evaluated && e.text.starts_with("evaluated update ");
        }) == 2);
}

TEST_CASE(
    "a run stopped in its evaluation, or killed after it, has each row once when it is resumed, and the "
    "same") {
  Folder folder;
  finish(start_with(config(), folder / "whole", evaluating_parts()));
  const std::string whole = text_of(folder / "whole/evaluations.csv");
  CHECK(std::count(whole.begin(), whole.end(), '\n') == 5);
  for (int yes = 12; yes <= 15; ++yes) {  // before each of three windows of four updates, and of two marks
    CAPTURE(yes);
    const std::string run = folder / ("stopped" + std::to_string(yes));
    {
      const auto trainer = start_with(config(), run, evaluating_parts());
      int questions = 0;
      trainer->run([](const Progress&) { return true; }, [&] { return ++questions >= yes; });
      CHECK(trainer->update() == (yes < 15 ? 3 : 4));
    }
    finish(resume_with(run, {}, evaluating_parts()));
    CHECK(text_of(run + "/evaluations.csv") == whole);
  }
  struct Killed {};
  {
    const auto trainer = start_with(config(), folder / "killed", evaluating_parts());
    CHECK_THROWS_AS(
        trainer->run([](const Progress& p) -> bool { return p.update < 9 ? true : throw Killed{}; }), Killed);
  }
  CHECK(text_of(folder / "killed/evaluations.csv") == whole);  // of updates that the snapshot does not have
  finish(resume_with(folder / "killed", {}, evaluating_parts()));
  CHECK(text_of(folder / "killed/evaluations.csv") == whole);
}

TEST_CASE("a folder with an evaluations.csv of someone else's is no place for a new run") {
  Folder folder;
  std::filesystem::create_directory(folder / "run");
  std::ofstream(folder / "run/evaluations.csv") << "my,own\n1,2\n";
  CHECK_THROWS_AS(start_with(config(), folder / "run", evaluating_parts()), checkpoints::UsageError);
  CHECK(text_of(folder / "run/evaluations.csv") == "my,own\n1,2\n");
}

TEST_CASE("rows of another data set under the same name are refused, of those that stay") {
  const std::string text =
      evaluation_rows_header() +
      evaluation_rows(4, {row("a", 0, 1, 1), row("b", 0, 1, 1)}, {{"a", "0a"}, {"b", "0b"}}) +
      evaluation_rows(8, {row("a", 0, 1, 1)}, {{"a", "1a"}});
  const auto message = [&](std::int64_t update, const std::map<std::string, std::string>& sources) {
    try {
      require_same_sources(text, update, sources, "r/evaluations.csv");
    } catch (const checkpoints::UsageError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(message(7, {{"a", "0a"}, {"b", "0b"}, {"c", "0c"}}).empty());
  CHECK(message(8, {{"a", "0a"}}).starts_with("r/evaluations.csv: its 'a' was another data set"));
  CHECK(message(7, {{"b", "1b"}}).starts_with("r/evaluations.csv: its 'b' was another data set"));
  CHECK(message(0, {{"b", "1b"}}).empty());  // what a resume cuts off
}
