#include "metalearn/evaluate/sweep.hpp"

#include <doctest/doctest.h>

#include "checkpoints/error.hpp"

using namespace metalearn;

namespace {

std::vector<std::string> values(const char* text) { return sweep_axis_from(text).values; }
using Texts = std::vector<std::string>;

FewShotSetup common() {
  FewShotSetup e;
  e.options.hidden = {24, 16};
  e.options.steps = {0, 10};
  return e;
}

}  // namespace

TEST_CASE("the values of an axis: lists, and ranges in steps that suit it, ends included, each once") {
  CHECK(values("depth=1..4") == Texts{"1", "2", "3", "4"});
  CHECK(values("depth=3,1,3") == Texts{"3", "1"});
  CHECK(values("width=16..100") == Texts{"16", "32", "64", "100"});
  CHECK(values("width=7") == Texts{"7"});
  CHECK(values("labels=1..30") == Texts{"1", "2", "5", "10", "20", "30"});
  CHECK(values("labels=3..10") == Texts{"3", "5", "10"});
  CHECK(values("steps=100,0..10") == Texts{"0", "1", "2", "5", "10", "100"});
  CHECK(values("permutation=3") == Texts{"0", "1", "2", "3"});
  CHECK(values("permutation=2..3") == Texts{"2", "3"});
  CHECK(sweep_axis_from("update=all", {0, 500, 700}).values == Texts{"0", "500", "700"});
  CHECK(sweep_axis_from("update=700", {0, 500, 700}).values == Texts{"700"});
  CHECK_THROWS_WITH_AS(sweep_axis_from("update=1", {0, 500}),
                       doctest::Contains("no snapshot of update 1 (available: 0, 500)"),
                       checkpoints::UsageError);
  CHECK(values("activation=step,relu") == Texts{"step", "relu"});
  CHECK(values("activation=all") == activation_names());
}

TEST_CASE("a value that is not possible is refused by name, with what is allowed") {
  struct Row {
    const char *text, *says;
  };
  for (const Row& row :
       {Row{"depht=1", "did you mean 'depth'"}, Row{"depth", "no values"}, Row{"depth=", "no values"},
        Row{"depth=0", "'0' is not a possible value (allowed: whole numbers 1 .. 64"},
        Row{"depth=1..x", "'x' is not a possible value"}, Row{"depth=4..2", "write 2..4"},
        Row{"width=99999", "2 .. 16384"}, Row{"width=1", "2 .. 16384"},
        Row{"activation=rleu", "did you mean 'relu'"}, Row{"permutation=0..5000", "more than 1000 values"},
        Row{"labels=1.5", "'1.5' is not a possible value"}}) {
    CAPTURE(row.text);
    CHECK_THROWS_WITH_AS(sweep_axis_from(row.text), doctest::Contains(row.says), checkpoints::UsageError);
  }
}

TEST_CASE("a cell is the common evaluation but for the value") {
  const auto cell = [](const char* text, std::size_t i) {
    return sweep_cell(sweep_axis_from(text), i, common());
  };
  CHECK(cell("depth=1..3", 2).options.hidden == std::vector<std::int64_t>{24, 24, 24});
  CHECK(cell("width=8,9", 1).options.hidden == std::vector<std::int64_t>{9, 9});
  CHECK(cell("activation=step", 0).rule.activation == Activation::step);
  CHECK(cell("labels=5", 0).task.labels_per_class == 5);
  CHECK(cell("labels=5", 0).options.labels_per_class == 5);
  CHECK(cell("permutation=2", 1).options.permutation == 1);
  CHECK(cell("labels=5", 0).options.steps == common().options.steps);

  const SweepAxis steps = sweep_axis_from("steps=5,20");
  CHECK(sweep_cells(steps) == 1);
  CHECK(sweep_cell(steps, 0, common()).options.steps == std::vector<std::int64_t>{0, 5, 20});
  FewShotRow row;
  row.step = 20;
  CHECK(sweep_value(steps, 0, row) == "20");
  CHECK(sweep_value(sweep_axis_from("depth=1..3"), 1, row) == "2");
  CHECK(sweep_cells(sweep_axis_from("depth=1..3")) == 3);
}
