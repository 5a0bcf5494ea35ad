// LocalWindows: the windows of an update, computed by the threads of this process.
//
// Only this file knows where windows run. An estimate depends only on (theta, task, update), and estimates
// are returned in the order of their tasks. Any other implementation that keeps to this, also on other
// machines, gives the same bits. One thread calls.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/parallel/parallel.hpp"
#include "metalearn/base/stop.hpp"
#include "metalearn/windows/gradient_estimator.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

class LocalWindows {
 public:
  /// at_once: windows that run at the same time. run: the run's name, for messages. REQUIRES estimator to
  /// outlive it.
  LocalWindows(GradientEstimator& estimator, int at_once, std::string run)
      : estimator_(estimator), parallel_(at_once), run_(std::move(run)) {}

  /// Spreads the ages of a new run's tasks: InFlightPool::fill.
  bool fill(InFlightPool& pool, std::span<const float> theta,
            const std::function<bool(std::size_t begun)>& go_on, const Stop& stop,
            std::vector<std::string>* notes) {
    return pool.fill(estimator_, theta, parallel_, go_on, stop, notes);
  }

  /// Runs the next window of each task, which moves the task to the window's end, and returns one estimate
  /// per task. Empty if `stop` came first; the tasks must then be discarded. update: updates done. Throws
  /// checkpoints::MachineFault, and what the estimator throws; the other windows are then stopped.
  std::vector<GradientEstimate> estimate(std::span<const float> theta, std::span<InFlight> tasks,
                                         std::int64_t update, const Stop& stop);

  /// Why the progress of a window that the last estimate() stopped could not be saved; empty if it was saved.
  const std::string& lost_progress() const { return lost_progress_; }

 private:
  GradientEstimate estimate_one(std::span<const float> theta, InFlight& task, std::int64_t update,
                                const Stop& stop) const;

  GradientEstimator& estimator_;
  autodiff::Parallel parallel_;
  std::string run_;
  std::string lost_progress_;
};

}  // namespace metalearn
