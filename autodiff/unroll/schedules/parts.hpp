// Parts: the recursion that all schedules but windowed share. A part is n consecutive steps to be reversed
// with k slots. Either all its tapes are kept; or its first state is stored, i steps are advanced, the right
// part of n-i steps is reversed with k-1 slots, and then the left part of i steps with k slots.
#pragma once
#include <functional>

#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

/// i of a part of n > 1 steps with k slots; 0: keep tapes.
using Choose = std::function<Step(Step n, Slot k)>;

/// Appends the actions of the part that is the whole schedule: s.steps steps with k slots, each of `unit`
/// slots of the schedule. Iterative, as recursion depth would grow with k.
void append_parts(Schedule& s, Slot k, Slot unit, const Choose& choose);

/// Throws std::invalid_argument "[schedule NAME] ..." where T < 1, or T > 1 without a slot.
void expect_room(const char* name, Step T, Slot slots);

}  // namespace autodiff
