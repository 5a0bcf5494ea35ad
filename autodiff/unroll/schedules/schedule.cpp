#include "autodiff/unroll/schedules/schedule.hpp"

#include <fmt/format.h>

namespace autodiff {

std::string to_string(const Action& a) {
  switch (a.kind) {
    case Action::Kind::advance:
      return fmt::format("advance {} to {}", a.step, a.end);
    case Action::Kind::record:
      return fmt::format("record {} from slot {} on", a.step, a.slot);
    case Action::Kind::reverse:
      return fmt::format("reverse {} from slot {} on", a.step, a.slot);
    case Action::Kind::turn:
      return fmt::format("turn {}", a.step);
    case Action::Kind::store:
      return fmt::format("store {} in slot {}", a.step, a.slot);
    case Action::Kind::load:
      return fmt::format("load {} from slot {}", a.step, a.slot);
    case Action::Kind::drop:
      return fmt::format("drop slot {}", a.slot);
    case Action::Kind::prefetch:
      return fmt::format("prefetch {} from slot {}", a.step, a.slot);
  }
  return "?";
}

}  // namespace autodiff
