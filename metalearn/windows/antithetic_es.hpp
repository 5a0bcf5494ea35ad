// AntitheticES: the gradient by evolution strategies on one window: perturbs theta in antithetic pairs, and
// runs the window forward, from the carried phi, under each perturbation.
//
//   1 / (2 N sigma) sum over pairs of eps (J(theta + sigma eps) - J(theta - sigma eps)),  eps ~ N(0, I)
//
// where J is the mean of the window's objectives: an unbiased estimate of the gradient of J smoothed by a
// Gaussian of standard deviation sigma (Salimans et al. 2017, "Evolution strategies as a scalable alternative
// to reinforcement learning"). As with Windowed, no gradient flows into the window before. phi continues
// under theta itself (2N + 1 forward windows in total), which also gives the reported objectives. Keeps no
// tape and saves no progress: a stopped window starts again. Threads: as GradientEstimator.
#pragma once
#include "metalearn/windows/forward_steps.hpp"
#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

class AntitheticES final : public GradientEstimator {
 public:
  /// kernel_threads: for the loops inside a step of one window.
  explicit AntitheticES(const Config& config, int kernel_threads = 1)
      : config_(config), steps_(config, kernel_threads) {}

  GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t update,
                            const Stop& stop = {}) override;
  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override {
    return steps_.advance(theta, task, steps);
  }
  void release_memory() override { steps_.release_memory(); }

 private:
  Config config_;
  ForwardSteps steps_;
};

}  // namespace metalearn
