// PES: the gradient by persistent evolution strategies: perturbations of theta as AntitheticES, but the
// perturbed states live on from window to window.
//
// Vicol, Metz and Sohl-Dickstein (ICML 2021), "Unbiased gradient estimation in unrolled computation graphs
// with persistent evolution strategies", algorithm 2, in its antithetic form. A task carries N pairs of
// particles. In each window every pair draws a new eps ~ N(0, sigma^2 I) and adds it to its xi; its particles
// go on, each from its own phi, under theta + eps and theta - eps, and the window gives
//
//   1 / (2 N sigma^2) sum over pairs of xi (J+ - J-)
//
// xi has all perturbations of the task so far, so the effect of theta in earlier windows is in it: there is
// no truncation bias. Algorithm 2 estimates the gradient of the SUM of the windows' losses. Here J is the
// MEAN of the window's objectives (GradientEstimator), so windows weighted by their k and divided by L add up
// to the gradient of the mean objective of the whole task, smoothed by sigma. The variance grows with the
// number of windows of a task. A task that is replaced takes its particles along.
//
// InFlight::phi is where the particles branched off, and stays there: phi_0, or the starting age's (whatever
// was done to get there is not differentiated). Objectives are means over the particles. Keeps no tape and
// nothing within a window: one that was stopped starts again. Threads: as GradientEstimator.
#pragma once
#include "metalearn/windows/forward_steps.hpp"
#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

class PES final : public GradientEstimator {
 public:
  /// kernel_threads: for the loops inside a step of one window.
  explicit PES(const Config& config, int kernel_threads = 1)
      : config_(config), steps_(config, kernel_threads) {}

  /// Moves the task's particles, which begin here where it has none.
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
