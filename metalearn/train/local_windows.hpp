// LocalWindows: the windows of an update, computed by the threads of this process.
//
// All that training knows about where windows run is here. An estimate depends on (theta, task, update)
// alone, and estimates are given in the order of their tasks: any other way to compute them, on other
// machines too, that keeps to this gives the same bits. One thread calls.
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
  /// at_once: windows that run at one time. run: the run's name, for messages. REQUIRES estimator to outlive
  /// it.
  LocalWindows(GradientEstimator& estimator, int at_once, std::string run)
      : estimator_(estimator), parallel_(at_once), run_(std::move(run)) {}

  /// Spreads the ages of a new run's tasks: InFlightPool::fill.
  bool fill(InFlightPool& pool, std::span<const float> theta,
            const std::function<bool(std::size_t begun)>& go_on, const Stop& stop,
            std::vector<std::string>* notes) {
    return pool.fill(estimator_, theta, parallel_, go_on, stop, notes);
  }

  /// The next window of each task: the tasks move to its end, and an estimate is given for each. None where
  /// `stop` came first; the tasks are then worth nothing. update: updates done. Throws
  /// checkpoints::MachineFault, and what the estimator throws; the other windows are then stopped.
  std::vector<GradientEstimate> estimate(std::span<const float> theta, std::span<InFlight> tasks,
                                         std::int64_t update, const Stop& stop);

  /// Why progress within a window that the last estimate() stopped could not be kept; empty: it was.
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
