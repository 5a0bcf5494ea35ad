// ThetaNotes: notes on stderr before a theta is used: settings that differ from its training, and data that
// it was trained on. Functions without state.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "metalearn/snapshots/trained_theta.hpp"

namespace tools {

/// Notes each key that differs from training: a rule is untested at another rate, batch size or activation.
void note_departures(const metalearn::Config& now, const metalearn::Config& trained, const std::string& file);

/// Notes data sets that theta was trained on (scores there say nothing about new data), or that its training
/// data is not known, as for an imported theta. `advice` is appended: what to do instead, or nothing.
void note_overlap(const metalearn::TrainedTheta& theta,
                  const std::vector<std::shared_ptr<const metalearn::Dataset>>& sets,
                  const std::string& advice);

}  // namespace tools
