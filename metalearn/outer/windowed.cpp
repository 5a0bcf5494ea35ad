#include "metalearn/outer/windowed.hpp"

#include "autodiff/unroll/schedules/schedules.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "metalearn/outer/adam.hpp"
#include "metalearn/outer/inner_segment.hpp"

namespace metalearn {
Windowed::Windowed(const Config& config, int kernel_threads) : config_(config), steps_(config.rule, kernel_threads) {}

StepShape Windowed::shape_of(const Task& task) const {
  return {task.widths(), config_.batch, task.classes(), config_.task.labels_per_class, config_.averages};
}

GradientEstimate Windowed::estimate(std::span<const float> theta, InFlight& task, std::int64_t) {
  const StepShape shape = shape_of(task.task);
  auto step = steps_.borrow(shape);
  const std::int64_t k = window_length(config_, task);
  InnerSegment segment(*step, theta, task.task, task.age);
  std::vector<float> phi = task.phi, adjoint(phi.size(), 0.0f);

  GradientEstimate result;
  result.gradient.assign(theta.size(), 0.0f);
  result.steps = k;
  const auto failed = [&](std::int64_t t, const std::string& what, const std::string& op) {
    GradientEstimate e;
    e.finite = false;
    e.failed_step = t;
    e.failure = what;
    e.failed_op = op;
    return e;
  };
  try {
    autodiff::Arena arena;
    autodiff::unroll<float>(segment, autodiff::store_states(k), phi, adjoint, result.gradient, arena);
  } catch (const NotFinite& e) {
    return failed(e.step, e.what(), e.op);
  }
  // Contributions that are finite may add up to more than a float.
  if (!all_finite(result.gradient)) return failed(task.age, "the gradient, " + first_not_finite(theta_spec(config_.rule), result.gradient), "");
  const float share = 1.0f / static_cast<float>(k);
  for (float& g : result.gradient) g *= share;
  result.objective_first = segment.objective(0);
  result.objective_last = segment.objective(k - 1);
  task.phi = std::move(phi);
  task.age += k;
  return result;
}

bool Windowed::advance(std::span<const float> theta, InFlight& task, std::int64_t steps) {
  const StepShape shape = shape_of(task.task);
  auto step = steps_.borrow(shape);
  TaskBatches batches(task.task, shape);
  std::vector<float> phi = task.phi, next(phi.size());
  for (std::int64_t i = 0; i < steps; ++i) {
    step->advance(theta, phi, batches.unlabelled(task.age + i), next);
    phi.swap(next);
    if (!all_finite(phi)) return false;
  }
  task.phi = std::move(phi);
  task.age += steps;
  return true;
}

}  // namespace metalearn
