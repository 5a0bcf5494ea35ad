// Reproduction: reruns part of a run from one of its snapshots in another folder, and compares it bit by bit
// with every snapshot and row of metrics that the run has of that part. An update is a pure function of a
// snapshot's contents, so different bits mean other data, another program, other kernels, or a fault.
//
// Only reads the run and takes no lock: the run may be training meanwhile. One thread calls; the rerun uses
// the threads it is given.
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
  std::optional<std::int64_t> from = {};  ///< generation to start from; empty: the oldest
  std::optional<std::int64_t> to = {};    ///< last one to compare; empty: the newest intact one
  std::optional<int> threads = {};        ///< empty: as in the run
  std::optional<std::string> data = {};   ///< new paths of data sets, as for a resume; empty: unchanged
};

struct Reproduction {
  struct Generation {
    std::int64_t generation = 0;
    StateDiff diff;
  };

  std::int64_t from = 0, to = 0;
  std::vector<Generation> compared;  ///< oldest first; ends with the first one that differs
  MetricsDiff metrics;               ///< rows from `from` to the last generation compared
  std::vector<std::string>
      notes;  ///< warnings, one line each: snapshots that could not be compared, kernels that give other bits
  bool stopped = false;  ///< by on_progress or stop
  bool same() const;
};

/// Reruns in `scratch`, an empty folder that the caller made. on_progress and stop as in Trainer::run; the
/// events of the first report begin with the notes. Throws what resuming throws (messages name the run's
/// folder, not scratch), NoInput listing the existing generations if `from` does not exist, UsageError if no
/// later snapshot exists to compare with, BadData if all later ones are damaged.
Reproduction reproduce(const std::string& run, const Stretch& stretch, const std::string& scratch,
                       const Trainer::OnProgress& on_progress, const Stop& stop = {},
                       const PartsMaker& parts = real_parts);

}  // namespace metalearn
