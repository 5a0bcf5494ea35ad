// Presets: where the defaults of all keys come from: named settings, each number with its source. Pure functions.
//
// Sources, as training_and_evaluation.md has them: [P] the paper, [N] its appendices as quoted, [S] the blog summary, [C] the published code; [ours] by experiment, where bench/RESULTS.md has one ("laptop-tasks"), or else chosen.
#pragma once
#include <string>
#include <vector>

namespace metalearn {

/// In the order in which help prints them. Config::from_preset() makes them.
const std::vector<std::string>& preset_names();

}  // namespace metalearn
