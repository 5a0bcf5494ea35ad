// ThetaSource: the theta that a command works with: the one that --theta names, or the one that comes with
// the program. Functions without state.
#pragma once
#include <string>

#include "metalearn/snapshots/trained_theta.hpp"

namespace tools {

/// From a run directory, a snapshot or a model file. What a user should know of it goes to stderr. Throws
/// checkpoints::NoInput, BadData.
metalearn::TrainedTheta load_theta(const std::string& word, bool raw);

/// checkpoints/trained/theta-laptop.h5, a part of the program. Throws checkpoints::UsageError where `raw`
/// asks for the theta behind its moving average, which it hasn't.
metalearn::TrainedTheta kept_theta(bool raw);

}  // namespace tools
