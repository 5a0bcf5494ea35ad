#include "metalearn/steps/inner_segment.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <tuple>

#include <algorithm>

#include "../autodiff/memory_journal.hpp"
#include "../checkpoints/fixture.hpp"
#include "autodiff/unroll/budget.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/disk_checkpoints.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "small_task.hpp"

using namespace outer_test;

namespace {

struct Result {
  std::vector<float> phi, adjoint, gradient;
  std::vector<double> objectives, adjoint_norms;
};
bool operator==(const Result& a, const Result& b) {
  return a.phi == b.phi && a.adjoint == b.adjoint && a.gradient == b.gradient &&
         a.objectives == b.objectives && a.adjoint_norms == b.adjoint_norms;
}

}  // namespace

TEST_CASE(
    "an unroll of inner steps has the same bits whatever it keeps: states, tapes, little, or what a budget "
    "allows; and on any number of threads") {
  const Config c = small_config();
  const auto theta = initial_theta(c.rule, 1);
  const InFlight task = small_tasks(c)(3);
  const StepShape shape{task.task.widths(), c.batch, task.task.classes(), c.task.labels_per_class,
                        c.averages};
  std::size_t high_water = 0;
  const auto run = [&](const autodiff::Schedule& s, int threads = 1, int sub_segments = 1) {
    InnerStep<float> step(c.rule, shape, threads, sub_segments);
    InnerSegment segment(step, theta, task.task, 5, s.steps);
    Result r{task.phi, std::vector<float>(task.phi.size()), std::vector<float>(theta.size()), {}, {}};
    autodiff::Arena arena;
    r.adjoint_norms = autodiff::unroll<float>(segment, s, r.phi, r.adjoint, r.gradient, arena).adjoint_norm;
    for (autodiff::Step i = 0; i < s.steps; ++i) r.objectives.push_back(segment.objective(i));
    CHECK(step.high_water_bytes() == step.predicted_peak_bytes());
    CHECK(step.high_water_bytes() <= segment.working_bytes());
    high_water = arena.high_water() + step.high_water_bytes();
    return r;
  };
  const auto tapes = step_profiles(c.rule, shape);
  const auto& plain = tapes.front();
  CHECK(tapes.size() == std::size(kSubSegments));
  CHECK(plain.state_size == task.phi.size());
  CHECK(plain.tape_size > plain.state_size);
  for (const auto& tape : tapes) CHECK(tape.recomputed >= 0);
  const auto speed = measure_speed(c.rule, shape, 1, 1);
  CHECK(speed.forward_seconds > 0);
  const auto rho = autodiff::slots_of_tape(plain.tape_size, plain.state_size, sizeof(float));
  constexpr autodiff::Step T = 12;
  const Result expected = run(autodiff::store_states(T));
  for (const auto& s : {autodiff::store_all(T, rho), autodiff::revolve(T, 1), autodiff::revolve(T, 3),
                        autodiff::byte_aware(T, 3 + rho, rho), autodiff::byte_aware(T, 5 * rho, rho)}) {
    CAPTURE(s.name);
    CHECK(run(s) == expected);
  }
  CHECK(run(autodiff::byte_aware(T, 5 * rho, rho), 3) == expected);
  for (const int n : kSubSegments) CHECK(run(autodiff::byte_aware(T, 3 + rho, rho), 1, n) == expected);
  const std::size_t least = autodiff::smallest_memory(T, tapes);
  for (std::size_t memory : {least, least + 10'000, least + 20'000, least * 2, least * 4}) {
    const auto plan = autodiff::plan_unroll(T, tapes, speed, {}, {memory, 0});
    CHECK(run(plan.schedule, 1, kSubSegments[plan.tape]) == expected);
    CHECK(high_water <= plan.peak_bytes);
    CHECK(plan.peak_bytes <= memory);
  }
}

TEST_CASE_TEMPLATE(
    "an unroll of inner steps that keeps tapes goes on from its journal at every position, to the same bits",
    T, float, double) {
  const Config c = small_config();
  const auto theta32 = initial_theta(c.rule, 1);
  const std::vector<T> theta(theta32.begin(), theta32.end());
  const InFlight task = small_tasks(c)(3);
  const StepShape shape{task.task.widths(), c.batch, task.task.classes(), c.task.labels_per_class,
                        c.averages};
  InnerStep<T> step(c.rule, shape);
  const auto rho = autodiff::slots_of_tape(step.record_size(), task.phi.size(), sizeof(T));
  const auto run = [&](const autodiff::Schedule& s, autodiff::UnrollJournal* journal) {
    InnerSegment<T> segment(step, theta, task.task, 5, s.steps);
    std::vector<T> phi(task.phi.begin(), task.phi.end()), adjoint(phi.size()), all(theta.size());
    autodiff::Arena arena;
    autodiff::unroll<T>(segment, s, phi, adjoint, all, arena, nullptr, journal);
    for (const auto& more : {phi, adjoint}) all.insert(all.end(), more.begin(), more.end());
    for (autodiff::Step i = 0; i < s.steps; ++i) all.push_back(static_cast<T>(segment.objective(i)));
    return all;
  };
  constexpr autodiff::Step steps = 9;
  const auto expected = run(autodiff::store_states(steps), nullptr);
  for (const auto& s : {autodiff::store_all(steps, rho), autodiff::byte_aware(steps, 2 * rho + 3, rho)}) {
    CAPTURE(s.name);
    CHECK(std::any_of(s.actions.begin(), s.actions.end(),
                      [](const auto& a) { return a.kind == autodiff::Action::Kind::record; }));
    autodiff::test::MemoryJournal journal;
    CHECK(run(s, &journal) == expected);
    CHECK(journal.kept.size() > steps);
    for (const auto& progress : journal.kept) {
      autodiff::test::MemoryJournal one;
      one.due = false;
      one.kept = {progress};
      CHECK(run(s, &one) == expected);
    }
  }
}

TEST_CASE_TEMPLATE(
    "1 to 500 inner steps have one gradient, to the bit: by every schedule, in float and double", T, float,
    double) {
  const Config c = small_config();
  const auto theta_32 = initial_theta(c.rule, 1);
  const std::vector<T> theta(theta_32.begin(), theta_32.end());
  const InFlight task = small_tasks(c)(3);
  InnerStep<T> step(c.rule,
                    {task.task.widths(), c.batch, task.task.classes(), c.task.labels_per_class, c.averages});
  const auto profile = step_profile(step);
  const auto rho = autodiff::slots_of_tape(profile.tape_size, profile.state_size, sizeof(T));
  checkpoints::test::TemporaryDirectory dir;
  for (const autodiff::Step length : {1, 2, 7, 60, 500}) {
    CAPTURE(length);
    const auto run = [&](const autodiff::Schedule& s) {
      InnerSegment<T> segment(step, theta, task.task, 0, length);
      std::vector<T> phi(task.phi.begin(), task.phi.end()), adjoint(phi.size()), gradient(theta.size());
      autodiff::Arena arena;
      std::optional<checkpoints::DiskCheckpoints> disk;
      if (s.disk_slots > 0)
        disk.emplace(checkpoints::posix_file_system(), dir.path(), s.disk_slots, phi.size() * sizeof(T));
      const auto norms =
          autodiff::unroll<T>(segment, s, phi, adjoint, gradient, arena, disk ? &*disk : nullptr)
              .adjoint_norm;
      return std::tuple(phi, adjoint, gradient, norms, segment.objective(length - 1));
    };
    const auto expected = run(autodiff::store_states(length));
    CHECK(run(autodiff::store_all(length, rho)) == expected);
    for (const autodiff::Slot slots : {2, 9, 100}) {
      CHECK(run(autodiff::revolve(length, slots)) == expected);
      CHECK(run(autodiff::byte_aware(length, slots + 3 * rho, rho)) == expected);
      CHECK(run(autodiff::two_level(length, 2, slots)) == expected);
    }
    CHECK(run(autodiff::windowed(length, length, [](autodiff::Step n) { return autodiff::revolve(n, 5); })) ==
          expected);
  }
}

TEST_CASE("the largest task of a configuration has its widest layers and most classes") {
  const Config c = Config::from_preset("small");
  const StepShape shape = largest_shape(c);
  CHECK(shape.widths.front() == c.task.resolution * c.task.resolution);
  CHECK(shape.widths.size() == static_cast<std::size_t>(c.task.hidden_max) + 2);
  CHECK(shape.widths[1] == c.task.width_max);
  CHECK(shape.widths.back() == c.task.representation);
  CHECK(shape.classes == c.task.classes_max);
}
