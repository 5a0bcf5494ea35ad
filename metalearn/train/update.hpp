// Update: one update of theta, as a function of a run's state and its in-flight tasks.
//
// One thread calls; the windows run as LocalWindows says.
#pragma once
#include <optional>
#include <string>

#include "metalearn/config/config.hpp"
#include "metalearn/records/run_log.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "metalearn/train/local_windows.hpp"
#include "metalearn/train/trainer_parts.hpp"

namespace metalearn {

struct UpdateResult {
  RunState state;  ///< after the update
  UpdateRows rows;
  bool is_validated = false;
  std::string worst_window;   ///< which window ended with the highest objective, for messages
  double waited_seconds = 0;  ///< for states on disk, summed over windows
};

/// Runs the next windows of M tasks, takes one Adam step on their mean gradient, validates and evaluates
/// theta if due, and replaces finished tasks. Empty if `stop` came first. The pool changes only at the end:
/// if the result is empty or an exception is thrown, only the saved progress of windows has changed. The
/// clock is only read for reports. Throws checkpoints::Diverged if theta left the range of float32, and what
/// LocalWindows and the parts throw.
std::optional<UpdateResult> run_update(const RunState& state, InFlightPool& pool, LocalWindows& windows,
                                       const TrainerParts& parts, const Config& config, const Stop& stop);

}  // namespace metalearn
