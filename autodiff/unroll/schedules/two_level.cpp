#include <algorithm>
#include <map>

#include "autodiff/unroll/schedules/parts.hpp"
#include "autodiff/unroll/schedules/schedules.hpp"

namespace autodiff {

namespace {

using Kind = Action::Kind;

// Places each prefetch after the previous load from disk (there is one buffer) or after the store of the
// state it reads, whichever is later.
void add_prefetches(Schedule& s) {
  std::vector<std::vector<Action>> behind(s.actions.size());
  std::map<Slot, std::size_t> stored;
  std::size_t free_from = 0;
  for (std::size_t i = 0; i < s.actions.size(); ++i) {
    const Action& a = s.actions[i];
    if (a.slot >= s.disk_slots) continue;
    if (a.kind == Kind::store) stored[a.slot] = i;
    if (a.kind != Kind::load) continue;
    behind[std::max(free_from, stored[a.slot])].push_back({Kind::prefetch, a.step, 0, a.slot});
    free_from = i;
  }
  std::vector<Action> actions;
  for (std::size_t i = 0; i < s.actions.size(); ++i) {
    actions.push_back(s.actions[i]);
    actions.insert(actions.end(), behind[i].begin(), behind[i].end());
  }
  s.actions = std::move(actions);
}

}  // namespace

Schedule two_level(Step T, Slot ram_slots, Slot disk_slots) {
  expect_room("two_level", T, ram_slots + disk_slots);
  Schedule s = revolve(T, ram_slots + disk_slots);
  s.name = "two_level";
  s.disk_slots = std::max<Slot>(0, std::min(disk_slots, s.slots - ram_slots));  // RAM first
  add_prefetches(s);
  return s;
}

}  // namespace autodiff
