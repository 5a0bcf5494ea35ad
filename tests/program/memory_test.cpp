// Memory at the paper's sizes: what the issue of the fused tape starts from.
#include "metalearn/steps/inner_step.hpp"
#include "program_fixture.hpp"

using namespace program_test;

TEST_SUITE("slow") {
  TEST_CASE("paper sizes, one task, a window of 5: at most 1.2 GB resident") {
    Folder folder;
    const Result result =
        run(program({"train", "--run",         "r",  "--preset",         "paper", "--data",
                     "glyph", "--tasks",       "1",  "--in-flight",      "1",     "--unroll",
                     "5",     "--updates",     "1",  "--validate-every", "0",     "--threads",
                     "1",     "--classes-min", "10", "--classes-max",    "10"}),
            folder.path);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    MESSAGE("peak resident memory: " << result.peak_kib / 1024 << " MiB");
    CHECK(result.peak_kib * 1024.0 <= 1.2e9);
  }

  TEST_CASE("paper sizes: the plan's predicted peak is the arena's high-water mark") {
    using namespace metalearn;
    const RuleConfig rule;
    const StepShape shape{{196, 128, 128, 128, 128, 32}, 128, 10, 10, 1};
    InnerStep<float> step(rule, shape, 2);
    const auto theta = initial_theta(rule, 1), phi = initial_phi(shape.widths, 1, 1);
    const std::vector<float> x(196 * 128, 0.5f), labelled(196 * 200, 0.5f), targets(2 * 100 * 10, 0.1f);
    std::vector<float> adjoint_next(phi.size(), 0.0f), adjoint(phi.size()), next(phi.size()),
        contribution(theta.size());
    const LabelledPair<float> pair{labelled, targets};
    step.turn({theta, phi, x, std::span(&pair, 1), adjoint_next}, next, adjoint, contribution);
    MESSAGE("arena: " << step.predicted_peak_bytes() / 1e6 << " MB");
    CHECK(step.predicted_peak_bytes() == step.high_water_bytes());
  }
}
