#include "metalearn/report/evaluation_files.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "checkpoints/error.hpp"
#include "metalearn/evaluate/comparison.hpp"
#include "metalearn/evaluate/sweep.hpp"

using namespace metalearn::report;

namespace {

std::string message_of(auto&& call) {
  try {
    call();
  } catch (const checkpoints::BadData& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("rows of eval have the interval that is given, or Student's of their error; null is no number") {
  const auto e = parse_evaluation(R"({"results": [
    {"data": "m", "method": "vae", "head": "ridge", "step": 10, "accuracy_mean": 0.5, "accuracy_se": 0.1,
     "accuracy_ci95": 0.3, "objective_mean": 70.5, "objective_se": null, "seeds": 2},
    {"data": "m", "method": "learned", "head": "ridge", "step": 0, "accuracy_mean": null, "accuracy_se": 0.1,
     "seeds": 10}],
    "methods": {"learned": {"chosen_step": 30}, "vae": {"chosen_step": null}},
    "protocol": {"seeds": 2, "layers": [8, 8], "theta": [{"update": 7}]}})",
                                  "f");
  REQUIRE(e.scores.size() == 2);
  CHECK(e.scores[0].accuracy.half == 0.3);
  CHECK(e.scores[0].objective.mean == 70.5);
  CHECK(std::isnan(e.scores[0].objective.half));
  CHECK(std::isnan(e.scores[1].accuracy.mean));
  CHECK(e.scores[1].accuracy.half == doctest::Approx(0.2262157));
  CHECK(e.chosen == std::map<std::string, double>{{"learned", 30}});
  CHECK(e.protocol == "seeds: 2; hidden layers: [8,8]; theta of update 7");
}

TEST_CASE("a row of each command's results is read again as it was written") {
  using metalearn::FewShotRow;
  FewShotRow row{.data = "m", .method = "learned", .step = 10};
  row.accuracy_mean = 0.5, row.accuracy_se = 0.1, row.objective_mean = NAN, row.seeds = 4;
  row.seconds_per_step = 0.25;
  metalearn::MethodRow compared;
  compared.method = "vae", compared.head = metalearn::Head::logistic_cv, compared.step = 3;
  compared.accuracy = {.mean = 0.75, .half_width = 0.2, .standard_error = 0.1}, compared.seeds = 2;
  const auto read = [](const nlohmann::ordered_json& json, const std::string& axis = "") {
    return parse_evaluation(nlohmann::ordered_json{{"over", axis}, {"results", {json}}}.dump(), "f", axis)
        .scores.at(0);
  };
  const Score plain = read(row_json(row)), of_method = read(row_json(compared, "n")),
              of_sweep = read(row_json({"m", "a source", "64"}, row), "width");
  for (const Score& s : {plain, of_sweep}) {
    CHECK(s.data == "m");
    CHECK(s.method == "learned");
    CHECK(s.head == "ridge");
    CHECK(s.step == 10);
    CHECK(s.seeds == 4);
    CHECK(s.accuracy.mean == 0.5);
    CHECK(s.accuracy.half == metalearn::half_width_95(0.1, 4));
    CHECK(std::isnan(s.objective.mean));
  }
  CHECK(of_sweep.value == "64");
  CHECK(of_sweep.seconds_per_step == 0.25);
  CHECK(of_method.data == "n");
  CHECK(of_method.method == "vae");
  CHECK(of_method.head == to_string(metalearn::Head::logistic_cv));
  CHECK(of_method.accuracy.half == 0.2);
}

TEST_CASE("what is no evaluation is refused, naming the file") {
  for (const char* text : {"", "{", "[]", "3", "{}", R"({"results": 3})", R"({"results": [3]})",
                           R"({"results": [{"data": "m"}]})",
                           R"({"results": [{"data": "m", "method": "a", "step": "x", "accuracy_mean": 1}]})",
                           R"({"results": [{"data": "m", "method": "a", "step": 1, "accuracy_mean": "x"}]})",
                           R"({"results": {"a": 3}})"}) {
    CAPTURE(text);
    CHECK(message_of([&] { parse_evaluation(text, "folder/f.json"); }).starts_with("folder/f.json: "));
  }
  for (const char* text :
       {R"({"results": [], "protocol": {"theta": [3]}})", R"({"results": [], "methods": 3})",
        R"({"results": [], "protocol": []})"})  // facts that are no numbers are not shown
    CHECK(message_of([&] { parse_evaluation(text, "folder/f.json"); }).empty());
  const std::string other =
      message_of([] { parse_evaluation(R"({"over": "width", "results": []})", "f", "depth"); });
  CHECK(other.find("over width, not over depth") != std::string::npos);
  CHECK(!message_of([] { parse_evaluation(R"({"results": []})", "f", "depth"); }).empty());
}

TEST_CASE(
    "rows of evaluations.csv are read by the names of their columns; one that is being written is not") {
  const std::string head =
      "update,data,step,accuracy_mean,accuracy_se,extra,objective_mean,objective_se,seeds\n";
  std::vector<std::string> problems;
  const auto e = parse_evaluation_rows(
      head + "5,m,10,0.5,0.1,x,0.7,,10\n1,2\n10,m,10,0.6,0.1,x,0.6,0.1,1\n3\n15,m,1", "f", problems);
  REQUIRE(e.scores.size() == 2);
  CHECK(e.scores[0].update == 5);
  CHECK(e.scores[0].step == 10);
  CHECK(e.scores[0].accuracy.mean == 0.5);
  CHECK(e.scores[0].accuracy.half == doctest::Approx(0.2262157));
  CHECK(std::isnan(e.scores[0].objective.half));
  CHECK(std::isnan(e.scores[1].accuracy.half));  // one seed says nothing of its error
  CHECK(problems == std::vector<std::string>{
                        "f: line 3: 2 cells instead of 9; it is skipped, and so are other invalid lines"});
  CHECK(e.scores[0].seeds == 10);
  problems.clear();
  CHECK(parse_evaluation_rows("", "f", problems).scores.empty());
  CHECK(message_of([&] {
          parse_evaluation_rows("update,data\n", "f", problems);
        }).find("f: line 1: there is no column step") == 0);
  CHECK(problems.empty());
  for (const auto& [line, what] :
       {std::pair{"1,m,x,0,0,0,0,0,1", "'x' is not a number"}, {",m,1,0,0,0,0,0,1", "no update"}}) {
    problems.clear();
    CHECK(parse_evaluation_rows(head + line + "\n", "f", problems).scores.empty());
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].starts_with(std::string("f: line 2: ") + what));
  }
}
