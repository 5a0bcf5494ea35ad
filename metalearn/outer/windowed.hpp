// Windowed: the gradient by back-propagation through one window of k inner steps, phi carried over from the window before.
//
// The window is an unroll (autodiff/unroll/): forward, and backward from the last step to the first, with the states that the schedule keeps. The adjoint of phi
// starts at zero behind the last step, and nothing flows into the window before: that is the truncation. k = L is full back-propagation.
// training_and_evaluation.md "Meta-training, procedure"; specification sections 10 and 11. Threads: as GradientEstimator.
#pragma once
#include "metalearn/outer/gradient_estimator.hpp"
#include "metalearn/outer/step_cache.hpp"

namespace metalearn {

class Windowed final : public GradientEstimator {
 public:
  /// kernel_threads: for the loops inside a step; 1 where windows run in parallel.
  explicit Windowed(const Config& config, int kernel_threads = 1);

  /// Step t (from phi_t to phi_{t+1}) sees unlabelled batch t; phi_{t+1} is scored with the labelled pairs of t+1.
  GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update) override;
  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override;

 private:
  StepShape shape_of(const Task& task) const;

  Config config_;
  StepCache steps_;
};

}  // namespace metalearn
