// WindowPlan: how the windows of an update share a memory budget: how many run at the same time, and what
// each keeps and recomputes.
//
// It depends only on sizes, counts and the number of threads: with --threads given, the plan is the same on
// every machine, except that a disk too slow to keep up is not used. It does not change bits. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "autodiff/unroll/budget.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

struct WindowPlan {
  int at_once = 1;               ///< windows that run at the same time
  autodiff::Budget share;        ///< of each window; without a disk that is too slow
  int sub_segments = 1;          ///< parts that the steps' tapes are cut into
  autodiff::Step window = 0;     ///< the longest
  autodiff::UnrollPlan longest;  ///< of the longest window of the largest task
  std::size_t most_bytes = 0;    ///< of windows and everything in addition to them
};

/// Bytes of the budget that a training needs in addition to its windows: states of in-flight tasks, theta,
/// gradients, and snapshots. step: of the largest task.
std::size_t bytes_beside_windows(const Config& config, const autodiff::StepProfile& step);

/// The plan with the least arithmetic in sequence (budget_share.hpp), given config.memory, disk, tasks and
/// threads. REQUIRES config.memory > 0. largest: the shape of the largest task. With config.disk, measures
/// the disk and the step. Throws checkpoints::MemoryBudget naming the smallest budget that works, if not even
/// one window at a time fits.
WindowPlan plan_windows(const Config& config, const StepShape& largest);
/// The same for the tapes of the largest task at this speed, with a disk that is fast enough (0 bytes: none).
/// A pure function.
WindowPlan plan_windows(const Config& config, std::span<const autodiff::StepProfile> tapes,
                        const autodiff::StepSpeed& speed, std::uint64_t disk);

/// The plan as one line of text.
std::string to_text(const WindowPlan& plan, const Config& config);

}  // namespace metalearn
