// Update: one update of theta, as a function of a run's state and its tasks in flight.
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
  RunState state;  ///< after it
  UpdateRows rows;
  bool is_validated = false;
  std::string worst_window;   ///< which window ended with the highest objective, for messages
  double waited_seconds = 0;  ///< for states on disk, all windows added up
};

/// The next windows of M tasks, one step of Adam on their mean gradient, theta validated and evaluated where
/// it is time, tasks replaced that are done. Empty where `stop` came first. The pool is changed at the end
/// only: where it is empty, or throws, nothing has changed but for progress kept within windows. The clock is
/// read to be reported, and for nothing else. Throws checkpoints::Diverged where theta left the range of
/// float32, what LocalWindows and the parts throw.
std::optional<UpdateResult> run_update(const RunState& state, InFlightPool& pool, LocalWindows& windows,
                                       const TrainerParts& parts, const Config& config, const Stop& stop);

}  // namespace metalearn
