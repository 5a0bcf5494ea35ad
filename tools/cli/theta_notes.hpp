// ThetaNotes: what stderr says of a theta before it is used: how far from its training, and on what of its
// training data. Functions without state.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "metalearn/snapshots/trained_theta.hpp"

namespace tools {

/// What a rule does at another rate, batch size or activation than those of its training, nobody has seen.
void note_departures(const metalearn::Config& now, const metalearn::Config& trained, const std::string& file);

/// Scores on what was trained on say nothing about new data; what an imported theta was trained on is not
/// known. `advice` ends the note: what to do instead, or nothing.
void note_overlap(const metalearn::TrainedTheta& theta,
                  const std::vector<std::shared_ptr<const metalearn::Dataset>>& sets,
                  const std::string& advice);

}  // namespace tools
