// GradientEstimator: how d/dtheta of the meta-objective is obtained from a window of an in-flight task. One
// file per way: windowed.hpp, antithetic_es.hpp, pes.hpp.
//
// Any number of threads may call one estimator at once, each with its own task; the result depends on (theta,
// task, update) alone.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

/// What one window gave.
struct GradientEstimate {
  std::vector<float> gradient;  ///< d/dtheta of the MEAN of the window's objectives, as long as theta
  double objective_first = 0, objective_last = 0;  ///< J of the first and the last new state
  std::int64_t steps = 0;                          ///< inner steps that phi went forward
  std::vector<double> adjoint_norm,
      contribution_norm;  ///< per step of the window: of the adjoint of phi_t, and of what the step adds to
                          ///< d/dtheta of the SUM; empty where they are not known
  double waited_seconds = 0;       ///< for states on disk
  std::vector<std::string> notes;  ///< what a person should know of the window, one line each
  bool finite = true;              ///< false: nothing above may be used, and the task's phi neither
  std::int64_t failed_step = 0;  ///< where finite is false: t of the step that failed, and what it gave ("the
                                 ///< objective", "phi, W/2", ...)
  std::string failure;
  std::string failed_op;  ///< where it began, where that is known: "log, recorded at file:line in scope a/b"
                          ///< or "input 'x' is already not finite, ..."

  /// Of a window in which something is not finite.
  static GradientEstimate failed(std::int64_t step, std::string what, std::string op = "") {
    GradientEstimate e;
    e.finite = false;
    e.failed_step = step;
    e.failure = std::move(what);
    e.failed_op = std::move(op);
    return e;
  }
};

class GradientEstimator {
 public:
  virtual ~GradientEstimator() = default;

  /// Runs the task's next window from its phi (or its particles), moves these and age to the window's end
  /// (left as they are where the result is not finite), and gives the gradient. Throws
  /// autodiff::UnrollStopped where `stop`, asked between inner steps, says yes;
  /// autodiff::RecomputationMismatch, its steps counted from the window's first, and what the world throws;
  /// the task is then as it was. The mean over steps, not the sum of specification section 11: windows of
  /// different k then weigh alike in the meta-batch and under clipping.
  virtual GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                                    const Stop& stop = {}) = 0;

  /// Says where the progress within a window that takes long, or is stopped, may be kept, so that the window
  /// goes on in the middle when it is run again: a folder that is there. provenance: facts about the data.
  virtual void keep_progress_in(const std::string& directory, const std::vector<std::string>& provenance) {
    (void)directory, (void)provenance;
  }
  /// Whether there is any, of whatever window.
  virtual bool has_progress() const { return false; }
  /// Removes all of it: the windows are done and what they gave is safe, or it is of a run that is no more.
  virtual void forget_progress() {}
  /// Gives back the memory that is kept for windows to come. Not while one runs.
  virtual void release_memory() {}

  /// Runs `steps` inner steps without a gradient and moves phi and age. False, with the task left as it was,
  /// if phi does not stay finite.
  virtual bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) = 0;
};

}  // namespace metalearn
