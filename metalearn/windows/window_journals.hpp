// WindowJournals: the journals of a run's windows, window-TASK.journal in its directory: a long window that
// was killed or stopped resumes in the middle, with the same bits.
//
// A window uses only its own journal: the key is a hash of everything that the window's bits depend on, and
// of the schedule, in which saved progress is a position. A window saves its end if its update, whose windows
// may run one after the other, has by then taken longer than journal-every. Any thread may open a journal;
// remove them only while no window runs.
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
  /// directory: must exist. provenance: facts about the data, as in snapshots. sub_segments: of the steps,
  /// whose tapes may be in a journal.
  WindowJournals(checkpoints::FileSystem& files, std::string directory, const Config& config,
                 const std::vector<std::string>& provenance, int sub_segments = 1);

  /// The journal of the task's next window. update: updates done; the first window opened for an update
  /// starts its clock.
  std::unique_ptr<checkpoints::UnrollJournalFile> open(std::span<const float> theta, const InFlight& task,
                                                       std::int64_t update,
                                                       const autodiff::Schedule& schedule);
  /// Whether any window has a journal.
  bool is_any() const;
  void remove_all() const;

 private:
  checkpoints::UnrollJournalFile::Clock::time_point began(std::int64_t update);

  checkpoints::FileSystem& files_;
  std::string directory_, run_;  ///< what all windows of the run depend on, as text
  double seconds_;
  std::mutex mutex_;
  std::int64_t update_ = -1;  ///< the current update, and its start
  checkpoints::UnrollJournalFile::Clock::time_point began_;
};

/// Removes the journals in a run directory except those of the next update after `update`: a run that
/// continues, or is done, cannot use others.
void remove_other_journals(checkpoints::FileSystem& files, const std::string& directory, std::int64_t update);

}  // namespace metalearn
