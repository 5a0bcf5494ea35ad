// ScheduleSvg: the (time, step) diagram of a schedule: forward runs rise, the reverse sweep falls, a stored
// state is a horizontal line for as long as it is kept.
#pragma once
#include <string>
#include <string_view>

#include "autodiff/unroll/schedules/schedule.hpp"

namespace tools {

/// A self-contained SVG. Time counts steps run forward and steps reversed, one each.
std::string schedule_svg(const autodiff::Schedule& schedule);

/// Whether a text is a picture by schedule_svg().
bool is_schedule_svg(std::string_view text);

}  // namespace tools
