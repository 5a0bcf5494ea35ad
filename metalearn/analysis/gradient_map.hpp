// Gradient map: where the gradient through many inner steps is meaningful, and what a short window costs, on
// a grid of inner rates, lengths T and windows over some tasks.
//
// Every number except the seconds depends only on (configuration, theta, options), not on the threads or the
// memory. For task i, phi_0 is freshly initialised, and
//   g_i(w) = 1/T sum_{t=1}^{T} d J(phi_t) / d theta, back-propagated through windows of w steps with phi
//   carried over;  g_i(T) is the exact gradient.
// Metz et al., "Gradients are not all you need", 2021.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/unroll/schedules/schedule.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/evaluate/statistics.hpp"
#include "metalearn/steps/budget_share.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

struct GradientMapOptions {
  std::vector<double> inner_rates;
  std::vector<autodiff::Step> lengths;  ///< T
  std::vector<autodiff::Step> windows;  ///< those shorter than T; T itself is always included
  std::int64_t tasks = 4;
  std::size_t memory_bytes =
      std::size_t{1} << 30;  ///< for the unrolls that run at the same time and the gradients to compare
  int threads = 0;
  std::uint64_t seed = 0;
  std::function<void(double inner_rate, std::int64_t task)> on_begin =
      {};  ///< called by one thread at a time
};

/// Means and standard errors are over the tasks in which the number is finite (their number is in the
/// adjacent count); NaN if there are none.
struct WindowFigures {
  autodiff::Step window = 0;
  std::int64_t finite = 0;     ///< tasks whose g_i is finite: those of norm, signal and seconds
  Estimate norm;               ///< |g_i(w)|, in float32 like all of this struct, as in training
  std::int64_t compared = 0;   ///< tasks of cosine: g_i(w) is finite, and g_i(T) has a correct digit
  Estimate cosine;             ///< of g_i(w) to g_i(T); 1 if w = T
  double signal_to_noise = 0;  ///< signal_to_noise() of the finite g_i; 1 is pure noise
  double seconds = 0;          ///< forward and reverse, of the finite tasks
  double per_second = 0;  ///< max(0, signal_to_noise^2 - 1) / seconds: gain per second; its expectation does
                          ///< not depend on the number of tasks
};

struct LengthFigures {
  double inner_rate = 0;
  autodiff::Step length = 0;  ///< T
  std::int64_t tasks = 0;
  std::int64_t growing =
      0;            ///< tasks of growth: phi stays finite for T steps, and the perturbation does not vanish
  Estimate growth;  ///< exponent per step: log_growth() after T steps / T, in float64, of a random
                    ///< perturbation of phi_0
  std::int64_t agreeing = 0;        ///< tasks of agreement: both are finite
  Estimate agreement;               ///< cosine of g_i(T) in float32 to g_i(T) in float64
  double digits = 0;                ///< correct digits of g_i(T) in float32, compared with float64: mean of
                                    ///< correct_digits() over all tasks, below one counts as 0
  std::int64_t without_digits = 0;  ///< tasks with less than one (kFirstDigit), or where it is not finite
  std::vector<WindowFigures> windows;  ///< ascending, the last one T
  std::vector<std::string> failures;   ///< "task 2: phi, W/1 is not finite at step 17": of g_i(T) in float32

  /// Whether the exact gradient has a correct digit in more than half of the tasks.
  bool has_digits() const { return 2 * without_digits < tasks; }
};

/// How the tasks share the memory that the compared gradients leave. cost: multiply-adds of one inner rate as
/// the planner predicts them; tasks that run at the same time count once, those in float64 twice; never more
/// with more memory or threads. Compiles the steps, runs none. Throws as gradient_map().
BudgetShare gradient_map_share(const Config& config, std::span<const float> theta,
                               const TaskDistribution& tasks, const GradientMapOptions& options);

/// One entry for each inner rate and length, in their order. Throws autodiff::BudgetTooSmall before any
/// unroll, checkpoints::MachineFault as windowed_gradient().
std::vector<LengthFigures> gradient_map(const Config& config, std::span<const float> theta,
                                        const TaskDistribution& tasks, const GradientMapOptions& options);

}  // namespace metalearn
