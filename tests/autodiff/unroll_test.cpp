#include "autodiff/unroll/unroll.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "autodiff/unroll/budget.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "unroll_fixture.hpp"

using namespace autodiff;
using namespace autodiff::test;

namespace {

// What an unroll is: all states forward, all steps back.
template <class T>
Outcome<T> by_hand(ToySegment<T>& segment, Step T_steps, Step window) {
  Outcome<T> o = run(segment, store_states(1));  // for its sizes
  const std::size_t n = segment.state_size();
  std::vector<std::vector<T>> phi{std::vector<T>(n)};
  std::vector<T> adjoint(n), next(n), new_adjoint(n), contribution(n);
  for (std::size_t i = 0; i < n; ++i)
    phi[0][i] = static_cast<T>(0.03 * static_cast<double>((i * 11) % 67) - 1),
    adjoint[i] = static_cast<T>(0.001 * static_cast<double>(i % 7));
  o.gradient.assign(n, T{0});
  for (Step t = 0; t < T_steps; ++t) segment.advance(t, phi.back(), next), phi.push_back(next);
  const auto turn = [&](Step t, std::vector<T>& a) {
    segment.turn(t, phi[static_cast<std::size_t>(t)], next, a, new_adjoint, contribution);
    a = new_adjoint;
    for (std::size_t i = 0; i < n; ++i) o.gradient[i] += contribution[i];
  };
  const std::vector<T> given = adjoint;
  for (Step first = 0; first < T_steps; first += window) {
    const Step end = std::min(first + window, T_steps);
    adjoint = end == T_steps ? given : std::vector<T>(n);
    for (Step t = end; t-- > first;) turn(t, adjoint);
  }
  o.phi = phi.back();
  o.adjoint = adjoint;
  return o;
}

template <class T>
bool same_gradient(const Outcome<T>& a, const Outcome<T>& b) {
  return a.phi == b.phi && a.adjoint == b.adjoint && a.gradient == b.gradient;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "every schedule gives the bits of an unroll by hand, T from 1 to 500, on any number of threads", T, float,
    double) {
  for (Step steps : {1, 2, 3, 7, 24, 101, 500}) {
    CAPTURE(steps);
    ToySegment<T> segment;
    const Slot rho = slots_of_tape(segment.tape_size(), segment.state_size(), sizeof(T));
    CHECK(rho >= 2);
    const Outcome<T> expected = run(segment, store_states(steps));
    CHECK(same_gradient(expected, by_hand(segment, steps, steps)));
    for (const Schedule& s :
         {store_all(steps, rho), revolve(steps, 1), revolve(steps, 3), revolve(steps, 10),
          byte_aware(steps, 4, rho), byte_aware(steps, 30, rho), byte_aware(steps, 300, rho),
          two_level(steps, 2, 3), two_level(steps, 0, 5), two_level(steps, 5, 1000),
          windowed(steps, steps, [](Step n) { return revolve(n, 2); })}) {
      if (s.name == "revolve" && s.slots == 1 && steps > 101) continue;  // quadratic
      CAPTURE(s.name);
      const int before[] = {segment.advances, segment.turns, segment.records};
      const Outcome<T> found = run(segment, s);
      CHECK(same_bits(found, expected));
      const Simulation r =
          simulate(s, {slot_bytes(segment.state_size(), sizeof(T)), segment.tape_size() * sizeof(T)});
      CHECK(segment.advances - before[0] == r.advances);
      CHECK(segment.turns - before[1] == r.turns);
      CHECK(segment.records - before[2] == r.records);
      CHECK(found.high_water ==
            r.peak_bytes + unroll_fixed_bytes(segment.state_size(), segment.theta_size(), sizeof(T)));
      CHECK(s.actions.size() * sizeof(Action) < most_bookkeeping_bytes(steps));
    }
    ToySegment<T> threaded(8, 4);
    CHECK(same_bits(run(threaded, byte_aware(steps, 30, rho)), expected));
  }
}

TEST_CASE("windows cut the adjoint, whatever schedule is inside") {
  ToySegment<float> segment;
  const Slot rho = slots_of_tape(segment.tape_size(), segment.state_size(), sizeof(float));
  for (Step window : {1, 5, 10, 23}) {
    const Outcome<float> expected = by_hand(segment, 23, window);
    CHECK(same_gradient(expected, by_hand(segment, 23, 23)) == (window == 23));
    CHECK(same_gradient(run(segment, windowed(23, window, store_states)), expected));
    CHECK(same_gradient(run(segment, windowed(23, window, [&](Step n) { return byte_aware(n, 7, rho); })),
                        run(segment, windowed(23, window, store_states))));
  }
}

TEST_CASE("the norms of adjoints and contributions are told step by step") {
  ToySegment<double> segment;
  const Outcome<double> o = run(segment, revolve(9, 2));
  REQUIRE(o.telemetry.adjoint_norm.size() == 9);
  double first = 0;
  for (double a : o.adjoint) first += a * a;
  CHECK(o.telemetry.adjoint_norm[0] == std::sqrt(first));
  const Outcome<double> shorter = run(segment, revolve(1, 1));
  double only = 0;
  for (double g : shorter.gradient) only += g * g;
  CHECK(shorter.telemetry.contribution_norm == std::vector<double>{std::sqrt(only)});
}

TEST_CASE(
    "a state that comes out differently the second time stops the unroll, names the step, and is computed "
    "once more") {
  ToySegment<float> segment;
  segment.damaged_advance = Recomputing::second_time;
  std::vector<float> phi(64, 0.5f), adjoint(64, 0.25f), gradient(64, 2.0f);
  Arena arena;
  const auto unrolled = [&] {
    unroll<float>(segment, Recomputing::schedule(), phi, adjoint, gradient, arena);
  };
  try {
    unrolled();
    FAIL("the damage was not noticed");
  } catch (const RecomputationMismatch& e) {
    CHECK(e.again_agrees == true);
    CHECK(std::string(e.what()).find("computing it once more agrees with the first time") !=
          std::string::npos);
    CHECK(std::string(e.what()).find("the state before step " + std::to_string(e.step) +
                                     " came out with other bits") == 0);
  }
  CHECK(phi == std::vector<float>(64, 0.5f));
  CHECK(adjoint == std::vector<float>(64, 0.25f));
  CHECK(gradient == std::vector<float>(64, 2.0f));

  segment.advances = 0;
  segment.damaged_twice = Recomputing::third_time;
  try {
    unrolled();
    FAIL("the damage was not noticed");
  } catch (const RecomputationMismatch& e) {
    CHECK(e.again_agrees == false);
    CHECK(std::string(e.what()).find("does not agree with the first time either") != std::string::npos);
  }

  // Wrong in the first sweep, right when it is computed again.
  segment.advances = segment.damaged_twice = 0;
  segment.damaged_advance = Recomputing::first_sweep;
  CHECK_THROWS_AS(unrolled(), RecomputationMismatch);
}

TEST_CASE("a state that changes while it is kept is noticed, and loaded once more") {
  ToySegment<float> segment;
  std::vector<float> phi(64, 0.5f), adjoint(64), gradient(64);
  Arena arena;
  for (const int damaged_loads : {1, 2}) {
    MemoryStore disk;
    disk.damaged_loads = damaged_loads;
    try {
      unroll<float>(segment, two_level(9, 1, 2), phi, adjoint, gradient, arena, &disk);
      FAIL("the damage was not noticed");
    } catch (const RecomputationMismatch& e) {
      CHECK(e.again_agrees == (damaged_loads == 1));
      const std::string message = e.what(), verdict = damaged_loads == 1
                                                          ? "agrees with the first time:"
                                                          : "does not agree with the first time either:";
      CHECK(message.find("changed while it was kept in the store on disk; loading it once more " + verdict) !=
            std::string::npos);
    }
  }
}

TEST_CASE("what does not fit together is refused before any step") {
  ToySegment<float> segment;
  std::vector<float> phi(64), adjoint(64), gradient(64), wrong(65);
  Arena arena;
  const auto refused = [&](const Schedule& s, std::span<float> p, std::span<float> a, std::span<float> g,
                           const char* why) {
    CHECK_THROWS_WITH_AS(unroll<float>(segment, s, p, a, g, arena), doctest::Contains(why),
                         std::invalid_argument);
  };
  refused(revolve(3, 1), wrong, adjoint, gradient, "[unroll] phi has 65 numbers, expected 64");
  refused(revolve(3, 1), phi, wrong, gradient, "[unroll] the adjoint has 65 numbers, expected 64");
  refused(revolve(3, 1), phi, adjoint, wrong, "[unroll] the gradient has 65 numbers, expected 64");
  refused(two_level(9, 1, 2), phi, adjoint, gradient, "needs a store on disk");
  refused(store_all(3, 1), phi, adjoint, gradient, "doesn't fit in 1 slots");
  Schedule broken = revolve(3, 1);
  broken.actions.pop_back();
  refused(broken, phi, adjoint, gradient, "reverses 2 of 3 steps");
  segment.keeps_tapes = false;
  refused(store_all(3, 1), phi, adjoint, gradient, "keeps tapes, which this segment doesn't support");
  CHECK(segment.advances + segment.turns + segment.records == 0);
}
