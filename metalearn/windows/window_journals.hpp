// WindowJournals: the journals of a run's windows, window-TASK.journal in its directory: a long window that
// was killed or stopped goes on in the middle, to the same bits.
//
// A window takes up no journal but its own: the key is a hash of all that the window's bits depend on, and of
// the schedule, which a progress is a place in. A window that ends keeps its end where its update, of many
// windows one after the other, has taken longer than journal-every by then. Any thread may open one; removing
// them is for when no window runs.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "autodiff/unroll/schedules/schedule.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/unroll_journal_file.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

class WindowJournals {
 public:
  /// directory: is there. provenance: facts about the data, as snapshots keep them. sub_segments: of the
  /// steps, whose tapes may be in a journal.
  WindowJournals(checkpoints::FileSystem& files, std::string directory, const Config& config,
                 const std::vector<std::string>& provenance, int sub_segments = 1);

  /// Of the next window of the task. update: done so far; the first window of an update to be opened begins
  /// it.
  std::unique_ptr<checkpoints::UnrollJournalFile> open(std::span<const float> theta, const InFlight& task,
                                                       std::int64_t update,
                                                       const autodiff::Schedule& schedule);
  /// Whether there are any, of whatever window.
  bool is_any() const;
  void remove_all() const;

 private:
  checkpoints::UnrollJournalFile::Clock::time_point began(std::int64_t update);

  checkpoints::FileSystem& files_;
  std::string directory_, run_;  ///< what all windows of the run depend on, in words
  double seconds_;
  std::mutex mutex_;
  std::int64_t update_ = -1;  ///< under way, and since when
  checkpoints::UnrollJournalFile::Clock::time_point began_;
};

/// Removes the journals in a run directory but for those of the update that follows on so many: of a run that
/// goes on, or is done, none other can be of any use.
void remove_other_journals(checkpoints::FileSystem& files, const std::string& directory, std::int64_t update);

}  // namespace metalearn
