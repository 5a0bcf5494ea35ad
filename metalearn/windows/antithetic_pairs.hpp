// AntitheticPairs: perturbations of theta in pairs of opposite sign, and the gradient from the objectives of
// a window run under them.
//
// eps of a pair is drawn from N(0, sigma^2 I), a pure function of (seed, task id, age, pair). Both signs see
// the same batches, so the effect of the batches on the objective cancels in the difference (common random
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
  /// The pairs for the task's next window: N = es-pairs, with standard deviation sigma = es-sigma.
  AntitheticPairs(const Config& config, std::span<const float> theta, const InFlight& task);

  std::size_t count() const { return count_; }         ///< N
  std::span<const float> eps() const { return eps_; }  ///< [N, |theta|]
  /// theta of particle p: theta + eps of pair p/2 if p is even, theta - eps if it is odd. Valid during the
  /// lifetime of this object.
  std::span<const float> theta(std::size_t p) const { return std::span(thetas_).subspan(p * size_, size_); }

  /// 1 / (2 N sigma^2) sum over pairs of direction (J+ - J-), where J is the mean of the window's objectives;
  /// directions [N, |theta|], particles in their order. Sums run in float64, pair by pair.
  std::vector<float> gradient(std::span<const Particle> particles, std::span<const float> directions) const;

 private:
  std::size_t size_, count_;
  double sigma_;
  std::vector<float> eps_, thetas_;
};

}  // namespace metalearn
