// ThetaSource: the theta that a command uses: the one that --theta names, or the one that comes with the
// program. Functions without state.
#pragma once
#include <string>

#include "metalearn/snapshots/trained_theta.hpp"

namespace tools {

/// From a run directory, a snapshot or a model file. Notes about it go to stderr. Throws
/// checkpoints::NoInput, BadData.
metalearn::TrainedTheta load_theta(const std::string& word, bool raw);

/// checkpoints/trained/theta-laptop.h5, embedded in the program. Throws checkpoints::UsageError if `raw` asks
/// for theta itself: the file has only the moving average.
metalearn::TrainedTheta kept_theta(bool raw);

}  // namespace tools
