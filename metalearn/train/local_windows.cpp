#include "metalearn/train/local_windows.hpp"

#include <fmt/format.h>

#include <atomic>
#include <mutex>

#include "autodiff/unroll/unroll.hpp"
#include "checkpoints/error.hpp"

namespace metalearn {

std::vector<GradientEstimate> LocalWindows::estimate(std::span<const float> theta, std::span<InFlight> tasks,
                                                     std::int64_t update, const Stop& stop) {
  lost_progress_.clear();
  std::vector<GradientEstimate> estimates(tasks.size());
  std::mutex mutex;
  // Also set by a window that failed: the others must not run for hours before the error is reported.
  std::atomic<bool> stopped = false;
  const Stop either = [&] { return stopped || asked(stop); };
  parallel_.for_each(tasks.size(), [&](std::size_t i) {
    try {
      if (either())
        stopped = true;
      else
        estimates[i] = estimate_one(theta, tasks[i], update, either);
    } catch (const autodiff::UnrollStopped& e) {
      stopped = true;
      const std::lock_guard lock(mutex);
      if (!e.lost.empty()) lost_progress_ = e.lost;
    } catch (...) {
      stopped = true;
      throw;
    }
  });
  if (stopped) estimates.clear();
  return estimates;
}

GradientEstimate LocalWindows::estimate_one(std::span<const float> theta, InFlight& task, std::int64_t update,
                                            const Stop& stop) const {
  try {
    return estimator_.estimate(theta, task, update, stop);
  } catch (const autodiff::RecomputationMismatch& e) {
    throw checkpoints::MachineFault(
        fmt::format("{}: update {}, task {} ({}): the state before inner step {} {}; the newest snapshot is "
                    "good; resume the run to repeat this window",
                    run_, update + 1, task.id, task.family, task.age + e.step, e.reason));
  }
}

}  // namespace metalearn
