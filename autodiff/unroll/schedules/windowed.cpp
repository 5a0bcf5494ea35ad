#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "autodiff/unroll/schedules/schedules.hpp"

namespace autodiff {

using Kind = Action::Kind;

Schedule windowed(Step T, Step window, const std::function<Schedule(Step)>& inner) {
  if (window < 1 || window > T)
    throw std::invalid_argument(fmt::format(
        "[schedule windowed] a window has 1 to {} steps, as many as the unroll, found {}", T, window));
  const Schedule full = inner(window), rest = T % window == 0 ? full : inner(T % window);
  if (full.disk_slots > 0)
    throw std::invalid_argument("[schedule windowed] the schedule of a window must not use disk slots");
  const Slot next_start = std::max(full.slots, rest.slots);
  Schedule s{"windowed", T, window, next_start + (window < T), 0, std::max(full.tape_slots, rest.tape_slots),
             {}};
  for (Step first = 0; first < T; first += window) {
    const Step end = std::min(first + window, T);
    if (first > 0)
      s.actions.insert(s.actions.end(),
                       {{Kind::load, first, 0, next_start}, {Kind::drop, first, 0, next_start}});
    for (Action a : (end - first == window ? full : rest).actions) {
      a.step += first;
      a.end += a.kind == Kind::advance ? first : 0;
      s.actions.push_back(a);
      if (a.kind == Kind::turn && a.step + 1 == end && end < T)
        s.actions.push_back({Kind::store, end, 0, next_start});
    }
  }
  return s;
}

}  // namespace autodiff
