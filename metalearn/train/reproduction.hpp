// Reproduction: a stretch of a run, rerun from one of its snapshots in another folder, and compared bit by
// bit with every snapshot and every row of metrics that the run has of it. An update is a pure function of
// what a snapshot holds: anything but the same bits means other data, another program, other kernels, or a
// fault.
//
// Only reads the run, and takes no lock: it may be training meanwhile. One thread calls; the rerun uses the
// threads it is given.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/snapshots/state_diff.hpp"
#include "metalearn/train/trainer.hpp"
#include "metalearn/train/trainer_parts.hpp"

namespace metalearn {

struct Stretch {
  std::optional<std::int64_t> from = {};  ///< generation to start from; empty: the oldest that is there
  std::optional<std::int64_t> to = {};    ///< last one to compare; empty: the newest that is whole
  std::optional<int> threads = {};        ///< empty: as the run
  std::optional<std::string> data =
      {};  ///< where sets of the run are now, as a resume may say; empty: where they were
};

struct Reproduction {
  struct Generation {
    std::int64_t generation = 0;
    StateDiff diff;
  };

  std::int64_t from = 0, to = 0;
  std::vector<Generation> compared;  ///< oldest first; the last one is the first that differs, if any does
  MetricsDiff metrics;               ///< rows from `from` to the last generation compared
  std::vector<std::string> notes;    ///< what a user should know, one line each: snapshots that could not be
                                     ///< compared, kernels of other bits
  bool stopped = false;              ///< on_progress or stop said so
  bool same() const;
};

/// Reruns in `scratch`, an empty folder of the caller's. on_progress and stop as in Trainer::run; the first
/// report's events begin with the notes. Throws what resuming throws (messages name the run's folder, not
/// scratch), NoInput listing the generations that are there where `from` is not, UsageError where there is
/// nothing after it to compare with, BadData where none of that is whole.
Reproduction reproduce(const std::string& run, const Stretch& stretch, const std::string& scratch,
                       const Trainer::OnProgress& on_progress, const Stop& stop = {},
                       const PartsMaker& parts = real_parts);

}  // namespace metalearn
