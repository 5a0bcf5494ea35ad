// GradientEstimator: estimates d/dtheta of the meta-objective from a window of an in-flight task. One file
// per method: windowed.hpp, antithetic_es.hpp, pes.hpp.
//
// Any number of threads may call one estimator at once, each with its own task; the result depends only on
// (theta, task, update).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

/// The result of one window.
struct GradientEstimate {
  std::vector<float> gradient;  ///< d/dtheta of the MEAN of the window's objectives, as long as theta
  double objective_first = 0, objective_last = 0;  ///< J of the first and the last new state
  std::int64_t steps = 0;                          ///< inner steps that phi advanced
  std::vector<double> adjoint_norm,
      contribution_norm;      ///< per step of the window: norms of the adjoint of phi_t, and of the step's
                              ///< contribution to d/dtheta of the SUM; empty if unknown
  double waited_seconds = 0;  ///< for states on disk
  std::vector<std::string> notes;  ///< messages about the window, one line each
  bool finite = true;              ///< false: do not use the fields above, nor the task's phi
  std::int64_t failed_step = 0;    ///< if not finite: t of the step that failed, and the value that failed
                                   ///< ("the objective", "phi, W/2", ...)
  std::string failure;
  std::string failed_op;  ///< origin of the failure, if known: "log, recorded at file:line in scope a/b"
                          ///< or "input 'x' is already not finite, ..."

  /// The result of a window in which a value is not finite.
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
  /// (unchanged if the result is not finite), and returns the gradient. Throws autodiff::UnrollStopped if
  /// `stop`, asked between inner steps, returns true; autodiff::RecomputationMismatch, with steps counted
  /// from the window's first; and file errors. The task is then unchanged. The gradient is of the mean over
  /// steps, not of the sum in specification section 11: windows of different k then have equal weight in the
  /// meta-batch and under clipping.
  virtual GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                                    const Stop& stop = {}) = 0;

  /// Sets the existing folder in which progress within a long or stopped window is saved, so that the window
  /// resumes in the middle when it runs again. provenance: facts about the data.
  virtual void keep_progress_in(const std::string& directory, const std::vector<std::string>& provenance) {
    (void)directory, (void)provenance;
  }
  /// Whether any window has saved progress.
  virtual bool has_progress() const { return false; }
  /// Removes all saved progress: the windows are done and their results are safe, or it belongs to an earlier
  /// run.
  virtual void forget_progress() {}
  /// Frees the memory kept for later windows. Not while a window runs.
  virtual void release_memory() {}

  /// Runs `steps` inner steps without a gradient and moves phi and age. Returns false, with the task
  /// unchanged, if phi does not stay finite.
  virtual bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) = 0;
};

}  // namespace metalearn
