// WindowJournals: the journals of a run's windows, window-TASK.journal in its directory: a long window that was killed or stopped goes on in the middle, to the same bits.
//
// A window takes up no journal but its own: the key is a hash of all that the window's bits depend on, and of the schedule, which a progress is a place in.
// Any thread may open one; removing them is for when no window runs.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autodiff/unroll/schedule.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/unroll_journal_file.hpp"
#include "metalearn/config.hpp"
#include "metalearn/outer/in_flight.hpp"

namespace metalearn {

class WindowJournals {
 public:
  /// directory: is there. provenance: facts about the data, as snapshots keep them. sub_segments: of the steps, whose tapes may be in a journal.
  WindowJournals(checkpoints::FileSystem& files, std::string directory, const Config& config, const std::vector<std::string>& provenance, int sub_segments = 1);

  /// Of the next window of the task.
  std::unique_ptr<checkpoints::UnrollJournalFile> open(std::span<const float> theta, const InFlight& task, std::int64_t update, const autodiff::Schedule& schedule) const;
  /// Whether there are any, of whatever window.
  bool is_any() const;
  void remove_all() const;

 private:
  checkpoints::FileSystem& files_;
  std::string directory_, run_;  ///< what all windows of the run depend on, in words
  double seconds_;
};

}  // namespace metalearn
