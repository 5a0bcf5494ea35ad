// Training: shared by `train` and `resume`: progress, signals, and the closing messages.
//
// One training per process.
#pragma once
#include <string>

#include "metalearn/train/trainer.hpp"

namespace tools {

/// Trains to the end or until a signal; returns the exit code (0, or 129/130/143 after saving). REQUIRES
/// watch_signals() before.
int run_training(metalearn::Trainer& trainer, const std::string& directory);

}  // namespace tools
