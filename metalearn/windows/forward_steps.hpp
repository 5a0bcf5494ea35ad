// ForwardSteps: inner steps of in-flight tasks without a tape: for one state, or for several particles that
// see the same batches.
//
// Compiled steps are kept by their shape (step_cache.hpp). Any number of threads may call the same object at
// once, each with its own task.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/steps/step_cache.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

/// A state, and the theta that advances it.
struct Particle {
  std::span<const float> theta;
  std::vector<float> phi;
  double objective_first = 0, objective_last = 0, objective_mean = 0;  ///< J of the new states of the window
};

class ForwardSteps {
 public:
  /// Parameters as StepCache.
  explicit ForwardSteps(const Config& config, int kernel_threads = 1,
                        std::size_t idle_steps = StepCache::kIdleSteps, int sub_segments = 1)
      : config_(config), steps_(config.rule, kernel_threads, idle_steps, sub_segments) {}

  /// The compiled step of the task's architecture. REQUIRES this to outlive it.
  StepCache::Lease borrow(const Task& task);

  /// As GradientEstimator::advance.
  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps);

  /// Advances every particle by k > 0 inner steps from the task's age; step t sees unlabelled batch t, and
  /// phi_{t+1} is scored with the labelled pairs of t+1. Throws NotFinite (inner_segment.hpp) for the first
  /// particle of the earliest step with a result that is not finite; autodiff::UnrollStopped if `stop`, asked
  /// before every step of every particle, returns true. The particles are then at different steps.
  void run(const Task& task, std::int64_t age, std::int64_t k, std::span<Particle> particles,
           const Stop& stop);

  void release_memory() { steps_.release(); }

 private:
  Config config_;
  StepCache steps_;
};

}  // namespace metalearn
