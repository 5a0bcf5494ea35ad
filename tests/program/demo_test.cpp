// The demo's promise: a rule trained on glyphs improves representations of unseen glyph classes and font
// families.
#include "program_fixture.hpp"

using namespace program_test;

namespace {

/// The last "+12.3 points" of a table.
double points(const std::string& table) {
  const auto end = table.rfind(" points");
  REQUIRE(end != std::string::npos);
  const auto begin = table.rfind(' ', end - 1);
  return std::stod(table.substr(begin + 1, end - begin - 1));
}

}  // namespace

TEST_SUITE("slow") {
  TEST_CASE("the demo ends with a table, a curve and at least 8 points on held-out classes and families") {
    Folder folder;
    const Result result = run(
        {(fs::path(METALEARN_SOURCE) / "tools/demo").string(), (folder / "demo run").string()}, folder.path);
    CAPTURE(result.out);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    CHECK(points(slurp(folder / "demo run/table.txt")) >= 8);
    CHECK(contains(slurp(folder / "demo run/curve.svg"), "</svg>"));
    CHECK(contains(result.out, "snapshot: "));
  }

  TEST_CASE("other seeds of the demo gain at least 8 points too") {
    for (const char* seed : {"1", "2"}) {
      CAPTURE(seed);
      Folder folder;
      REQUIRE(run(program({"train", "--run", "r", "--preset", "demo", "--seed", seed}), folder.path).code ==
              0);
      const Result result = run(program({"eval", "--theta", "r", "--held-out"}), folder.path);
      REQUIRE(result.code == 0);
      CHECK(points(result.out) >= 8);
    }
  }
}

TEST_CASE("the demo's help says what it does and starts nothing") {
  Folder folder;
  const Result result = run({(fs::path(METALEARN_SOURCE) / "tools/demo").string(), "--help"}, folder.path);
  CHECK(result.code == 0);
  CHECK(contains(result.out, "usage: tools/demo [DIR]"));
  CHECK(fs::is_empty(folder.path));
}

TEST_CASE("the learning curve is drawn from any metrics, validated or not") {
  Folder folder;
  spill(
      folder / "a run/metrics.csv",
      "update,objective_first,objective_last,validation_objective.0,validation_accuracy.0,validation_"
      "objective.5,validation_accuracy.5,seconds\n"
      "1,1.5,1.4,,,,,0.1\n2,1.4,1.3,1.6,0.4,1.5,0.5,0.1\n3,1.4,1.2,,,,,0.1\n4,1.3,1.2,1.6,0.4,1.4,0.6,0.1\n");
  spill(folder / "plain/metrics.csv",
        "update,objective_first,objective_last,seconds\n1,1.5,1.4,0.1\n2,1.4,1.3,0.1\n");
  const std::string plot = (fs::path(METALEARN_SOURCE) / "tools/plot_curve").string();
  for (const char* name : {"a run", "plain"}) {
    const Result result = run({plot, name, std::string(name) + "/curve.svg"}, folder.path);
    CAPTURE(result.err);
    CHECK(result.code == 0);
    CHECK(contains(slurp(folder / (std::string(name) + "/curve.svg")), "</svg>"));
  }
  CHECK(contains(slurp(folder / "a run/curve.svg"), "after 5 inner steps"));
  CHECK(!contains(slurp(folder / "plain/curve.svg"), "inner steps"));
  CHECK(run({plot, "nowhere", "curve.svg"}, folder.path).code == 66);
  CHECK(run({plot}, folder.path).code == 64);
}
