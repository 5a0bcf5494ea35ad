#include "autodiff/unroll/schedules/parts.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"

namespace autodiff {

Schedule store_states(Step T) {
  Schedule s{"store_states", T, T, T - 1, 0, 0, {}};
  expect_room("store_states", T, s.slots);
  append_parts(s, s.slots, 1, [](Step, Slot) { return Step{1}; });
  return s;
}

}  // namespace autodiff
