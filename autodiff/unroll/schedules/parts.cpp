#include "autodiff/unroll/schedules/parts.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace autodiff {

namespace {

using Kind = Action::Kind;

struct Part {
  Step first, n;
  Slot base;    // the first slot of the part
  bool stored;  // phi_first is in slot base; otherwise it is the current state
};

void keep_tapes(Schedule& s, const Part& p, Slot tape_slots) {
  const Step last = p.first + p.n - 1;
  const auto place = [&](Step t) { return p.base + (t - p.first) * tape_slots; };
  for (Step t = p.first; t < last; ++t) s.actions.push_back({Kind::record, t, 0, place(t)});
  s.actions.push_back({Kind::turn, last});
  for (Step t = last; t-- > p.first;) s.actions.push_back({Kind::reverse, t, 0, place(t)});
}

}  // namespace

void expect_room(const char* name, Step T, Slot slots) {
  if (T < 1)
    throw std::invalid_argument(
        fmt::format("[schedule {}] an unroll needs at least one step: found {}", name, T));
  if (T > 1 && slots < 1)
    throw std::invalid_argument(fmt::format("[schedule {}] {} steps need at least one slot", name, T));
}

void append_parts(Schedule& s, Slot k, Slot unit, const Choose& choose) {
  const Slot tape_slots = (s.tape_slots + unit - 1) / unit * unit;
  std::vector<Part> parts{{0, s.steps, 0, false}};
  while (!parts.empty()) {
    const Part p = parts.back();
    parts.pop_back();
    const Step i = p.n == 1 ? 0 : choose(p.n, k - p.base / unit);
    if (p.stored) s.actions.push_back({Kind::load, p.first, 0, p.base});
    if (i == 0) {
      if (p.stored) s.actions.push_back({Kind::drop, p.first, 0, p.base});
      keep_tapes(s, p, tape_slots);
    } else {
      if (!p.stored) s.actions.push_back({Kind::store, p.first, 0, p.base});
      s.actions.push_back({Kind::advance, p.first, p.first + i});
      parts.push_back({p.first, i, p.base, true});
      parts.push_back({p.first + i, p.n - i, p.base + unit, false});
    }
  }
}

}  // namespace autodiff
