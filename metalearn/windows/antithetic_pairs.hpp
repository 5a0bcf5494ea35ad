// AntitheticPairs: perturbations of theta in pairs of opposite sign, and the gradient that the objectives of
// a window run under them give.
//
// eps of a pair is drawn from N(0, sigma^2 I), a pure function of (seed, task id, age, pair). Both signs see
// the same batches: what the batches alone do to the objective cancels in the difference (common random
// numbers). Plain values, no thread rule.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "metalearn/config/config.hpp"
#include "metalearn/windows/forward_steps.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

class AntitheticPairs {
 public:
  /// Those of the task's next window: N = es-pairs of them, of standard deviation sigma = es-sigma.
  AntitheticPairs(const Config& config, std::span<const float> theta, const InFlight& task);

  std::size_t count() const { return count_; }         ///< N
  std::span<const float> eps() const { return eps_; }  ///< [N, |theta|]
  /// Of particle p: theta + eps of pair p/2 where p is even, theta - eps where it is odd. Valid as long as
  /// this.
  std::span<const float> theta(std::size_t p) const { return std::span(thetas_).subspan(p * size_, size_); }

  /// 1 / (2 N sigma^2) sum over pairs of direction (J+ - J-), J being the mean of the window's objectives;
  /// directions [N, |theta|], particles in their order. Sums run in float64, pair by pair.
  std::vector<float> gradient(std::span<const Particle> particles, std::span<const float> directions) const;

 private:
  std::size_t size_, count_;
  double sigma_;
  std::vector<float> eps_, thetas_;
};

}  // namespace metalearn
