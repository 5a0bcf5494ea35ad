#include "autodiff/unroll/simulate.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "autodiff/unroll/schedules/schedules.hpp"

using namespace autodiff;
using Kind = Action::Kind;

namespace {
Schedule by_hand(std::vector<Action> actions) { return {"by hand", 2, 2, 3, 1, 2, std::move(actions)}; }
}  // namespace

TEST_CASE("a schedule written by hand costs what its actions cost") {
  const Schedule s = by_hand({{Kind::store, 0, 0, 1},
                              {Kind::advance, 0, 1},
                              {Kind::turn, 1},
                              {Kind::load, 0, 0, 1},
                              {Kind::drop, 0, 0, 1},
                              {Kind::turn, 0}});
  StepCosts costs;
  costs.advance = {1, 1};
  costs.turn = {4, 1.25};
  const Simulation r = simulate(s, {100, 150}, costs);
  CHECK(r.advances == 1);
  CHECK(r.turns == 2);
  CHECK(r.evaluations == 3.5);
  CHECK(r.seconds == 9);
  CHECK(r.peak_bytes == 100);
  CHECK(r.ram_checkpoints == 1);
  CHECK(r.disk_checkpoints == 0);
  CHECK(r.disk_bytes == 100);
  const Schedule taped = by_hand({{Kind::record, 0, 0, 1}, {Kind::turn, 1}, {Kind::reverse, 0, 0, 1}});
  CHECK(simulate(taped, {100, 150}).peak_bytes == 150);
  CHECK(simulate(taped, {100, 150}).tapes == 1);
}

TEST_CASE("writing and reading ahead hide behind the steps, and what does not is counted as waiting") {
  const auto run = [](DiskCosts disk) {
    return simulate(by_hand({{Kind::store, 0, 0, 0},
                             {Kind::advance, 0, 1},
                             {Kind::prefetch, 0, 0, 0},
                             {Kind::turn, 1},
                             {Kind::load, 0, 0, 0},
                             {Kind::drop, 0, 0, 0},
                             {Kind::turn, 0}}),
                    {100, 0}, {}, disk);
  };
  CHECK(run({1, 1}).seconds == 3);
  CHECK(run({1, 1}).waiting_seconds == 0);
  CHECK(run({1, 1}).written_bytes == 100);
  CHECK(run({1, 1}).read_bytes == 100);
  CHECK(run({2, 1}).waiting_seconds == 1);  // written until 2, read until 3, wanted at 2
  CHECK(run({2, 5}).seconds == 8);
}

TEST_CASE("an action that can't be carried out is named, with the reason") {
  const auto refused = [](std::vector<Action> actions, const char* why) {
    CHECK_THROWS_WITH_AS(simulate(by_hand(std::move(actions))), doctest::Contains(why),
                         std::invalid_argument);
  };
  refused({{Kind::advance, 1, 2}}, "[schedule by hand] action 0, advance 1 to 2: the current state is 0");
  refused({{Kind::advance, 0, 3}}, "no further than the last state");
  refused({{Kind::advance, 0, 0}}, "a run goes forward");
  refused({{Kind::turn, 0}}, "the next step to reverse is 1");
  refused({{Kind::store, 1, 0, 1}}, "the current state is 0");
  refused({{Kind::store, 0, 0, 3}}, "there are 3 slots");
  refused({{Kind::store, 0, 0, 1}, {Kind::store, 0, 0, 1}}, "the slot is in use");
  refused({{Kind::record, 0, 0, 0}}, "a tape must be kept in RAM");
  refused({{Kind::record, 0, 0, 2}}, "there are 3 slots");
  refused({{Kind::store, 0, 0, 2}, {Kind::record, 0, 0, 1}}, "the slot is in use");
  refused({{Kind::store, 0, 0, 1}, {Kind::load, 1, 0, 1}}, "the slot holds something else");
  refused({{Kind::load, 0, 0, 1}}, "the slot holds something else");
  refused({{Kind::reverse, 1, 0, 1}}, "the slot holds something else");
  refused({{Kind::drop, 0, 0, 1}}, "there is no state to drop");
  refused({{Kind::store, 0, 0, 1}, {Kind::prefetch, 0, 0, 1}}, "from disk");
  refused({{Kind::store, 0, 0, 0}, {Kind::prefetch, 0, 0, 0}, {Kind::prefetch, 0, 0, 0}},
          "one state at a time");
  refused({{Kind::store, 0, 0, 0}, {Kind::prefetch, 0, 0, 0}, {Kind::drop, 0, 0, 0}},
          "there is no state to drop");
  refused({{Kind::advance, 0, 1}, {Kind::turn, 1}}, "reverses 1 of 2 steps");
  refused({}, "reverses 0 of 2 steps");
  refused({{Kind::store, 0, 0, 1},
           {Kind::advance, 0, 1},
           {Kind::turn, 1},
           {Kind::load, 0, 0, 1},
           {Kind::turn, 0}},
          "slot 1 is not empty at the end");
  CHECK_THROWS_WITH_AS(
      simulate(by_hand({{Kind::record, 0, 0, 1}, {Kind::turn, 1}, {Kind::reverse, 0, 0, 1}}), {100, 201}),
      doctest::Contains("a tape of 201 bytes doesn't fit in 2 slots of 100 bytes"), std::invalid_argument);
}

TEST_CASE("actions read aloud") {
  CHECK(to_string({Kind::advance, 3, 7}) == "advance 3 to 7");
  CHECK(to_string({Kind::store, 7, 0, 2}) == "store 7 in slot 2");
  CHECK(to_string({Kind::record, 7, 0, 2}) == "record 7 from slot 2 on");
  CHECK(to_string({Kind::reverse, 7, 0, 2}) == "reverse 7 from slot 2 on");
  CHECK(to_string({Kind::turn, 7}) == "turn 7");
  CHECK(to_string({Kind::load, 7, 0, 2}) == "load 7 from slot 2");
  CHECK(to_string({Kind::drop, 7, 0, 2}) == "drop slot 2");
  CHECK(to_string({Kind::prefetch, 7, 0, 2}) == "prefetch 7 from slot 2");
}
