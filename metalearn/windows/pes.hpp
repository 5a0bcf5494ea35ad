// PES: the gradient by persistent evolution strategies: perturbs theta as AntitheticES does, but the
// perturbed states persist from window to window.
//
// Vicol, Metz and Sohl-Dickstein (ICML 2021), "Unbiased gradient estimation in unrolled computation graphs
// with persistent evolution strategies", algorithm 2, in its antithetic form. A task carries N pairs of
// particles. In each window every pair draws a new eps ~ N(0, sigma^2 I) and adds it to its xi; its particles
// continue, each from its own phi, under theta + eps and theta - eps, and the window gives
//
//   1 / (2 N sigma^2) sum over pairs of xi (J+ - J-)
//
// xi sums all perturbations of the task so far and so includes the effect of theta in earlier windows: there
// is no truncation bias. Algorithm 2 estimates the gradient of the SUM of the windows' losses. Here J is the
// MEAN of the window's objectives (GradientEstimator), so windows weighted by their k and divided by L add up
// to the gradient of the mean objective of the whole task, smoothed by sigma. The variance grows with the
// number of windows of a task. The particles of a task end with it.
//
// InFlight::phi stays where the particles branched off: phi_0, or phi at the starting age (the steps to it
// are not differentiated). Objectives are means over the particles. Keeps no tape and saves no progress: a
// stopped window starts again. Threads: as GradientEstimator.
#pragma once
#include "metalearn/windows/forward_steps.hpp"
#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

class PES final : public GradientEstimator {
 public:
  /// kernel_threads: for the loops inside a step of one window.
  explicit PES(const Config& config, int kernel_threads = 1)
      : config_(config), steps_(config, kernel_threads) {}

  /// Advances the task's particles, or creates them at its first window.
  GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                            const Stop& stop = {}) override;
  /// REQUIRES a task without particles.
  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override;
  void release_memory() override { steps_.release_memory(); }

 private:
  Config config_;
  ForwardSteps steps_;
};

}  // namespace metalearn
