// WindowPlan: how the windows of an update share a memory budget: how many run at one time, and what each of
// them keeps and computes again.
//
// It follows from sizes, counts and the number of threads alone: with --threads given, the same plan on every
// machine, except that a disk too slow to keep up is left alone. It does not change bits. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "autodiff/unroll/budget.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

struct WindowPlan {
  int at_once = 1;               ///< windows that run at one time
  autodiff::Budget share;        ///< of each; without a disk where it is too slow
  int sub_segments = 1;          ///< that the steps' tapes are cut into
  autodiff::Step window = 0;     ///< the longest
  autodiff::UnrollPlan longest;  ///< of the longest window of the largest task
  std::size_t most_bytes = 0;    ///< that windows, and what is beside them, take together
};

/// Bytes of the budget that a training needs beside its windows: states of tasks in flight, theta, gradients,
/// and what a snapshot takes. step: of the largest task.
std::size_t bytes_beside_windows(const Config& config, const autodiff::StepProfile& step);

/// The plan with the least arithmetic one after the other (budget_share.hpp), by config.memory, disk, tasks
/// and threads. REQUIRES config.memory > 0. largest: the shape of the largest task. With config.disk the disk
/// is measured, and the step with it. Throws checkpoints::MemoryBudget naming the smallest budget that works,
/// where not even one window at a time fits.
WindowPlan plan_windows(const Config& config, const StepShape& largest);
/// The same, of the largest task's tapes at this speed, with a disk that is fast enough (0 bytes: none). A
/// pure function.
WindowPlan plan_windows(const Config& config, std::span<const autodiff::StepProfile> tapes,
                        const autodiff::StepSpeed& speed, std::uint64_t disk);

/// In one line, for people.
std::string to_text(const WindowPlan& plan, const Config& config);

}  // namespace metalearn
