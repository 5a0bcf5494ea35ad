// Trainings whose gradients come from evolution strategies, as a user sees them.
#include "program_fixture.hpp"
#include "same_run.hpp"

using namespace program_test;

TEST_CASE(
    "a run by evolution strategies, persistent or not, resumed on other threads has the bits of one that was "
    "not, and can be verified and reproduced") {
  Folder folder;
  IdxImages().write(folder / "data");
  for (const char* estimator : {"es", "pes"}) {
    CAPTURE(estimator);
    const std::string whole = std::string("whole-") + estimator, parts = std::string("parts-") + estimator;
    REQUIRE(run(with(tiny_training(whole, "squares=data",
                                   {"--threads", "1", "--estimator", estimator, "--es-pairs", "2"}),
                     "--save-every", "2"),
                folder.path)
                .code == 0);
    REQUIRE(run(with(tiny_training(parts, "squares=data",
                                   {"--threads", "2", "--estimator", estimator, "--es-pairs", "2"}),
                     "--updates", "3"),
                folder.path)
                .code == 0);
    const Result resumed = run(program({"resume", parts, "--updates", "6"}), folder.path);
    CAPTURE(resumed.err);
    REQUIRE(resumed.code == 0);
    CHECK(arrays(folder / whole) == arrays(folder / parts));
    CHECK(metrics(folder / whole) == metrics(folder / parts));
    CHECK(run(program({"verify", parts}), folder.path).code == 0);
    CHECK(run(program({"diff", whole, parts}), folder.path).code == 0);
    CHECK(run(program({"reproduce", whole}), folder.path).code == 0);
    const auto kept = arrays(folder / whole);
    CHECK(std::any_of(kept.begin(), kept.end(), [](const auto& a) { return a.first.ends_with("/xi"); }) ==
          (std::string(estimator) == "pes"));
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{"memory", "64MiB"}, {"telemetry", "true"}}) {
      const Result refused =
          run(program({"resume", parts, "--updates", "7", "--" + key, value}), folder.path);
      CHECK(refused.code == 64);
      CHECK(contains(refused.err, key));
    }
  }
}

TEST_CASE(
    "a memory budget or telemetry is refused before anything is written where nothing is back-propagated") {
  Folder folder;
  IdxImages().write(folder / "data");
  const Result memory =
      run(tiny_training("a", "squares=data", {"--estimator", "pes", "--memory", "1GiB"}), folder.path);
  CHECK(memory.code == 64);
  CHECK(contains(memory.err, "memory is a budget for back-propagation, but estimator = pes keeps no states"));
  const Result telemetry =
      run(tiny_training("a", "squares=data", {"--estimator", "es", "--telemetry", "true"}), folder.path);
  CHECK(telemetry.code == 64);
  CHECK(contains(telemetry.err, "telemetry records back-propagation, but estimator = es has no adjoints"));
  CHECK(!fs::exists(folder / "a"));
}
