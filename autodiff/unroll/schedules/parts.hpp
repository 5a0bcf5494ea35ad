// Parts: the recursion that all schedules but windowed share. A part is a run of n steps to be reversed with
// k slots. It is either kept as tapes, all of it; or the state it starts from is stored, i steps are
// advanced, the right part of n-i steps is reversed with k-1 slots, and then the left part of i steps with k.
#pragma once
#include <functional>

#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

/// i of a part of n > 1 steps with k slots; 0: keep tapes.
using Choose = std::function<Step(Step n, Slot k)>;

/// The actions of one part that is all of the schedule: s.steps steps with k slots of `unit` of the
/// schedule's slots each. Iterates: the depth grows with k.
void append_parts(Schedule& s, Slot k, Slot unit, const Choose& choose);

/// Throws std::invalid_argument "[schedule NAME] ..." where T < 1, or T > 1 without a slot.
void expect_room(const char* name, Step T, Slot slots);

}  // namespace autodiff
