#include "autodiff/unroll/budget.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "autodiff/unroll/checkpoint_store.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "toy_segment.hpp"

using namespace autodiff;
using autodiff::test::ToySegment;

namespace {

StepProfile profile_of(const Segment<float>& s) {
  return {s.state_size(), s.theta_size(), s.tape_size(), sizeof(float), s.working_bytes()};
}

// The sizes of a step of the preset `small`: states of 67 KB, tapes of 8.8 MB.
constexpr StepProfile kSmall{16'800, 30'000, 2'200'000, 4, 12'000'000, 0.25};

constexpr StepSpeed kSpeed{0.003, 0.00825};

}  // namespace

TEST_CASE(
    "a plan keeps within its budget to the byte, down to the smallest that works, and the unroll does what "
    "was planned") {
  ToySegment<float> segment;
  const StepProfile step = profile_of(segment);
  std::vector<float> expected;
  for (Step T : {1, 2, 30}) {
    const std::size_t least = smallest_memory(T, step);
    CHECK_THROWS_WITH_AS(
        plan_unroll(T, step, {}, {}, {least - 1, 0}),
        doctest::Contains(("the smallest budget that works is " + std::to_string(least) + " bytes").c_str()),
        BudgetTooSmall);
    expected.clear();
    for (std::size_t memory = least; memory < least + 64 * 4 * 200; memory = memory + 1 + memory / 8) {
      const UnrollPlan plan = plan_unroll(T, step, {}, {}, {memory, 0});
      CHECK(plan.peak_bytes <= memory);
      Arena arena;
      std::vector<float> phi(64, 0.5f), adjoint(64), gradient(64);
      unroll<float>(segment, plan.schedule, phi, adjoint, gradient, arena);
      CHECK(arena.high_water() == plan.arena_bytes);
      if (expected.empty()) expected = gradient;
      CHECK(gradient == expected);
    }
    CHECK(plan_unroll(T, step, {}, {}, {least, 0}).predicted.evaluations ==
          static_cast<double>(T * (T + 1) / 2));
    CHECK(plan_unroll(T, step, {}, {}, {std::size_t{1} << 40, 0}).evaluations_per_step == 1);
  }
}

TEST_CASE("10,000 steps in 64 MiB are planned as they would be carried out") {
  const UnrollPlan plan = plan_unroll(10'000, kSmall, kSpeed, {}, {std::size_t{64} << 20, 0});
  CHECK(plan.schedule.name == "byte_aware");
  CHECK(plan.peak_bytes <= std::size_t{64} << 20);
  CHECK(plan.evaluations_per_step < 3.3);
  CHECK(plan.evaluations_per_step > 2.25);
  CHECK(plan.lower_bound_evaluations == 12'500);
  CHECK(plan.predicted.seconds ==
        doctest::Approx(0.003 * static_cast<double>(plan.predicted.advances) + 0.012 * 10'000));
  StepProfile no_tapes = kSmall;
  no_tapes.tape_size = 0;
  const UnrollPlan states = plan_unroll(10'000, no_tapes, kSpeed, {}, {std::size_t{64} << 20, 0});
  CHECK(states.schedule.name == "revolve");
  CHECK(states.predicted.evaluations >= plan.predicted.evaluations);
  CHECK(states.lower_bound_evaluations == 22'499);
  CHECK(plan_unroll(100, no_tapes, {}, {}, {std::size_t{1} << 30, 0}).schedule.name == "store_states");
  CHECK(plan_unroll(100, kSmall, {}, {}, {std::size_t{1} << 30, 0}).schedule.name == "store_all");
}

TEST_CASE("a smaller tape is taken where memory is short, and the plain one where it is not") {
  StepProfile less = kSmall;
  less.tape_size = 100'000;
  less.working_bytes = 6'000'000;
  less.recomputed = 0.9;
  const StepProfile tapes[] = {kSmall, less};
  CHECK(smallest_memory(100, tapes) == smallest_memory(100, less));
  CHECK(plan_unroll(100, tapes, kSpeed, {}, {smallest_memory(100, less), 0}).tape == 1);
  CHECK(plan_unroll(100, tapes, kSpeed, {}, {smallest_memory(100, kSmall), 0}).tape ==
        1);  // 100 slots more than with the plain one
  const UnrollPlan much = plan_unroll(100, tapes, kSpeed, {}, {std::size_t{1} << 30, 0});
  CHECK(much.tape == 0);
  CHECK(much.schedule.name == "store_all");
  CHECK(much.lower_bound_evaluations == 125);
}

TEST_CASE("a disk is used where it gains evaluations and is never waited for; a slow one is left alone") {
  const Budget little{smallest_memory(10'000, kSmall) + 100 * 67'200, std::size_t{1} << 30};
  const UnrollPlan without = plan_unroll(10'000, kSmall, kSpeed, {}, {little.memory_bytes, 0});
  const UnrollPlan with = plan_unroll(10'000, kSmall, kSpeed, {0.001, 0.001}, little);
  CHECK(with.schedule.name == "two_level");
  CHECK(with.predicted.evaluations == 22'499);
  CHECK(with.predicted.waiting_seconds == 0);
  CHECK(with.predicted.seconds < without.predicted.seconds);
  CHECK(with.predicted.disk_bytes <= little.disk_bytes);
  CHECK(with.peak_bytes <= little.memory_bytes);
  const UnrollPlan slow = plan_unroll(10'000, kSmall, kSpeed, {0.002, 0.002}, little);
  CHECK(slow.disk_too_slow);
  CHECK(slow.schedule.actions == without.schedule.actions);
}

TEST_CASE(
    "10,000 random plans: within memory and disk, and with more of either neither evaluations nor seconds "
    "rise") {
  std::mt19937_64 random(3);
  const auto up_to = [&](double most) {
    return static_cast<std::size_t>(
        std::exp(std::uniform_real_distribution<>(0, std::log(most + 1))(random)));
  };
  for (int i = 0; i < 10'000; ++i) {
    const Step T = static_cast<Step>(up_to(i % 50 == 0 ? 2000 : 90));
    std::uniform_real_distribution<> any(0.1, 4);
    std::vector<StepProfile> tapes{{up_to(500), up_to(500), i % 3 == 0 ? 0 : up_to(5000),
                                    i % 2 == 0 ? 4u : 8u, up_to(10'000), any(random) / 40}};
    for (int n = i % 4; n-- > 0;) {  // smaller, with more to compute again
      StepProfile less = tapes.back();
      less.tape_size = less.tape_size * 2 / 3;
      less.working_bytes /= 2;
      less.recomputed += any(random) / 8;
      tapes.push_back(less);
    }
    const StepSpeed speed{any(random), any(random)};
    const DiskCosts disk{any(random) / 4, any(random) / 4};
    const Budget budget{smallest_memory(T, tapes) + up_to(200'000) - 1, i % 2 == 0 ? 0 : up_to(300'000)};
    const UnrollPlan plan = plan_unroll(T, tapes, speed, disk, budget);
    CAPTURE(T);
    CAPTURE(i);
    CHECK(plan.peak_bytes <= budget.memory_bytes);
    CHECK(plan.predicted.disk_bytes <= budget.disk_bytes);
    CHECK(plan.predicted.evaluations >= plan.lower_bound_evaluations * (1 - 1e-12));
    CHECK(plan.predicted.seconds == doctest::Approx(plan.predicted.evaluations * speed.forward_seconds +
                                                    static_cast<double>(T) * speed.reverse_seconds));
    for (std::size_t n = 0; n < tapes.size() && T <= 512; ++n)  // the best of all tapes is taken
      if (smallest_memory(T, tapes[n]) <= budget.memory_bytes)
        CHECK(plan.predicted.evaluations <=
              plan_unroll(T, tapes[n], speed, disk, budget).predicted.evaluations * (1 + 1e-12));
    for (const Budget& more : {Budget{budget.memory_bytes + up_to(100'000), budget.disk_bytes},
                               Budget{budget.memory_bytes, budget.disk_bytes + up_to(100'000)}}) {
      const UnrollPlan better = plan_unroll(T, tapes, speed, disk, more);
      CHECK(better.predicted.evaluations <= plan.predicted.evaluations * (1 + 1e-12));
      CHECK(better.predicted.seconds <= plan.predicted.seconds * (1 + 1e-12));
    }
  }
}

TEST_CASE("an unroll without steps is refused") {
  CHECK_THROWS_WITH_AS(plan_unroll(0, kSmall, {}, {}, {1 << 30, 0}),
                       doctest::Contains("at least one step: found 0"), std::invalid_argument);
}
