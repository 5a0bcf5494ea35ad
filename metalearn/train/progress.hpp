// Progress: what one update did, for the progress line and for tests. Plain value; a pure function.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "metalearn/records/event.hpp"
#include "metalearn/records/run_log.hpp"

namespace metalearn {

struct Progress {
  std::int64_t update = 0, updates = 0;  ///< done so far, and total
  double objective_first = 0,
         objective_last = 0;     ///< mean over the windows of this update, first and last step
  double gradient_norm = 0;      ///< of the averaged gradient before clipping
  std::int64_t inner_steps = 0;  ///< of this update
  double seconds = 0;            ///< of this update
  std::int64_t replaced = 0,
               dropped = 0;   ///< tasks that reached their length; tasks that turned non-finite (this update)
  std::vector<Event> events;  ///< of this update; the first report begins with earlier events
  double seconds_since_save = 0;  ///< age of the newest state that was handed to the saver
  double save_stall =
      0;  ///< seconds that training waited for saving, rows of metrics included, since the last report
  double disk_wait = 0;  ///< seconds that the windows of this update waited for states on disk, summed
  std::optional<double> validation_objective = {},
                        validation_accuracy =
                            {};  ///< set if this update was validated (best evaluation step)
  std::int64_t validation_mark = 0;
};

/// Fills in what the rows contain.
Progress progress_of(const UpdateRows& rows, std::int64_t updates);

}  // namespace metalearn
