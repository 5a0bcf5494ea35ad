#include "autodiff/unroll/unroll_journal.hpp"

#include <algorithm>

#include "autodiff/unroll/budget.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"
#include "memory_journal.hpp"
#include "unroll_fixture.hpp"

using namespace autodiff;
using namespace autodiff::test;

namespace {

template <class T>
std::vector<Schedule> schedules(Step steps) {
  const ToySegment<T> segment;
  const Slot rho = slots_of_tape(segment.tape_size(), segment.state_size(), sizeof(T));
  const auto revolve_within = [](Step n) { return revolve(n, 2); };
  std::vector<Schedule> all = {
      store_all(steps, rho),      store_states(steps),
      revolve(steps, 2),          byte_aware(steps, 3 + rho, rho),
      byte_aware(steps, 30, rho), two_level(steps, 2, 3),
      two_level(steps, 0, 4),     windowed(steps, std::min<Step>(5, steps), revolve_within)};
  if (steps <= 24) all.push_back(revolve(steps, 1));
  return all;
}

template <class T>
int work(const ToySegment<T>& s) {
  return s.advances + s.turns + s.records;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "an unroll goes on from its journal at every position of every schedule, to the same bits, and runs no "
    "step again that it had run",
    T, float, double) {
  std::vector<Step> lengths = {17, 24, 33, 47, 60};
  for (Step steps = 1; steps <= 12; ++steps) lengths.push_back(steps);
  for (const Step steps : lengths)
    for (const Schedule& s : schedules<T>(steps)) {
      CAPTURE(s.name);
      CAPTURE(steps);
      ToySegment<T> plain, straight;
      const Outcome<T> expected = run(plain, s);
      MemoryJournal journal;
      std::vector<int> work_before;
      journal.on_commit = [&] { work_before.push_back(work(straight)); };
      CHECK(same_bits(run(straight, s, &journal), expected));
      CHECK(!expected.telemetry.went_on);
      CHECK(work(straight) == work(plain));
      CHECK(straight.noted == plain.noted);
      REQUIRE(journal.kept.size() >= static_cast<std::size_t>(steps));
      for (std::size_t i = 0; i < journal.kept.size(); ++i) {
        CAPTURE(i);
        MemoryJournal one;
        one.due = false;
        one.kept = {journal.kept[i]};
        ToySegment<T> rest;
        const Outcome<T> found = run(rest, s, &one);
        CHECK(found.telemetry.went_on);
        CHECK(same_bits(found, expected));
        CHECK(found.high_water <= expected.high_water);
        CHECK(work(rest) == work(plain) - work_before[i]);
        CHECK(std::equal(rest.noted.begin(), rest.noted.begin() + steps, plain.noted.begin()));
        CHECK(one.is_read_to_its_end());
        CHECK(one.kept.size() ==
              (i + 1 == journal.kept.size() ? 1 : 2));  // the end is kept, where there was a progress
      }
    }
}

TEST_CASE_TEMPLATE(
    "an unroll that is asked to stop does so between two steps, keeps a progress though none is due, changes "
    "nothing it was given, and goes on",
    T, float, double) {
  for (const Schedule& s : schedules<T>(13)) {
    CAPTURE(s.name);
    ToySegment<T> plain;
    const Outcome<T> expected = run(plain, s);
    int stops = 0;
    for (bool ended = false; !ended; ++stops) {
      MemoryJournal journal;
      journal.due = false;
      ToySegment<T> first, second;
      int asked = 0;
      try {
        const Outcome<T> found = run(first, s, &journal, [&] { return asked++ == stops; });
        ended = true;
        CHECK(same_bits(found, expected));
        CHECK(journal.kept.empty());
      } catch (const UnrollStopped&) {
        CHECK(journal.kept.size() == 1);
        CHECK(same_bits(run(second, s, &journal), expected));
        CHECK(work(first) + work(second) == work(plain));
      }
    }
    CHECK(stops > 13);
  }
  ToySegment<T> segment;
  std::vector<T> phi(64, T(0.5)), adjoint(64, T(0.25)), gradient(64, T(2));
  Arena arena;
  const auto always = [] { return true; };
  CHECK_THROWS_AS(unroll<T>(segment, revolve(9, 2), phi, adjoint, gradient, arena, nullptr, nullptr, always),
                  UnrollStopped);
  CHECK(work(segment) <= 1);
  CHECK(phi == std::vector<T>(64, T(0.5)));
  CHECK(adjoint == std::vector<T>(64, T(0.25)));
  CHECK(gradient == std::vector<T>(64, T(2)));
}

TEST_CASE(
    "a wrong state of before the interruption is found behind it: its checksum, or the right one, comes from "
    "the journal") {
  const Schedule s = Recomputing::schedule();
  const int last = Recomputing::first_sweep;
  for (const int damaged : {3, last}) {
    CAPTURE(damaged);
    MemoryJournal journal;
    journal.due = false;
    ToySegment<float> first, second;
    first.damaged_advance = damaged;
    CHECK_THROWS_AS(run(first, s, &journal, [&] { return first.advances == last; }), UnrollStopped);
    if (damaged == last) {  // phi_11, which the right phi_10 does not lead to
      CHECK_THROWS_WITH_AS(run(second, s, &journal),
                           doctest::Contains("the state before step 11 came out with other bits"),
                           RecomputationMismatch);
    } else {
      CHECK_THROWS_WITH_AS(run(second, s, &journal), doctest::Contains("came out with other bits"),
                           RecomputationMismatch);
    }
  }
  // Right before, wrong behind it.
  MemoryJournal journal;
  journal.due = false;
  ToySegment<float> first, second;
  CHECK_THROWS_AS(run(first, s, &journal, [&] { return first.advances == last; }), UnrollStopped);
  second.damaged_advance = 2;
  CHECK_THROWS_WITH_AS(run(second, s, &journal),
                       doctest::Contains("computing it once more agrees with the first time"),
                       RecomputationMismatch);
}

TEST_CASE(
    "a state that is not what it was when it was written to the journal is not gone on from, wherever it is "
    "in there") {
  for (const Schedule& s : {revolve(12, 3), two_level(12, 1, 2), byte_aware(12, 30, 3)}) {
    CAPTURE(s.name);
    MemoryJournal journal;
    ToySegment<float> segment;
    run(segment, s, &journal);
    const MemoryJournal::Bytes progress = journal.kept[journal.kept.size() / 2];
    int refused = 0;
    const std::size_t state = 64 * sizeof(float), head = 4 * sizeof(std::uint64_t);
    for (std::size_t at = head; at < progress.size(); at += state / 2) {
      MemoryJournal damaged;
      damaged.due = false;
      damaged.kept = {progress};
      damaged.kept[0][at] ^= std::byte{1};
      ToySegment<float> rest;
      try {
        run(rest, s, &damaged);
      } catch (const RecomputationMismatch& e) {
        ++refused;
        if (std::string(e.what()).find("had other bits in the journal") == std::string::npos) continue;
        CHECK(!e.again_agrees);  // that was not tried
        CHECK(work(rest) == 0);
      }
    }
    CHECK(refused >= 6);  // in the current state, phi_T and at least one slot, twice each
  }
}
