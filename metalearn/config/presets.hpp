// Presets: named settings that give the defaults of all keys, each number with its source. Pure functions.
//
// Sources (SOURCES.md): [P] the paper, [N] its appendices as quoted by others, [S] a summary of it, [C] the
// published code; [ours] by experiment if bench/RESULTS.md has one ("laptop-tasks"), otherwise chosen.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

/// In the order in which help prints them. Config::from_preset() makes them.
const std::vector<std::string>& preset_names();

}  // namespace metalearn
