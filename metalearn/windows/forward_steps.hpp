// ForwardSteps: inner steps of in-flight tasks without a tape: of one state, or of several particles that see
// the same batches.
//
// Compiled steps are kept by their shape (step_cache.hpp). Any number of threads may call one at once, each
// with its own task.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/steps/step_cache.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

/// A state under way, and the theta that moves it.
struct Particle {
  std::span<const float> theta;
  std::vector<float> phi;
  double objective_first = 0, objective_last = 0, objective_mean = 0;  ///< J of the window's new states
};

class ForwardSteps {
 public:
  /// As StepCache.
  explicit ForwardSteps(const Config& config, int kernel_threads = 1,
                        std::size_t idle_steps = StepCache::kIdleSteps, int sub_segments = 1)
      : config_(config), steps_(config.rule, kernel_threads, idle_steps, sub_segments) {}

  /// The step of the task's architecture. REQUIRES this to outlive it.
  StepCache::Lease borrow(const Task& task);

  /// As GradientEstimator::advance.
  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps);

  /// Moves every particle k > 0 inner steps on, from the task's age; step t sees unlabelled batch t, and
  /// phi_{t+1} is scored with the labelled pairs of t+1. Throws NotFinite (inner_segment.hpp) of the earliest
  /// step, and of its particles the first, that gives something that is not finite; autodiff::UnrollStopped
  /// where `stop`, asked before every step of every particle, says yes. The particles are then at different
  /// steps.
  void run(const Task& task, std::int64_t age, std::int64_t k, std::span<Particle> particles,
           const Stop& stop);

  void release_memory() { steps_.release(); }

 private:
  Config config_;
  StepCache steps_;
};

}  // namespace metalearn
