#include "autodiff/unroll/schedules/parts.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"

namespace autodiff {

Schedule store_all(Step T, Slot tape_slots) {
  Schedule s{"store_all", T, T, tape_slots * (T - 1), 0, tape_slots, {}};
  expect_room("store_all", T, s.slots);
  append_parts(s, s.slots, 1, [](Step, Slot) { return Step{0}; });
  return s;
}

}  // namespace autodiff
