#include "metalearn/outer/windowed.hpp"

#include <algorithm>
#include <cmath>

#include "metalearn/outer/adam.hpp"

namespace metalearn {
namespace {

/// The name of the first tensor of the list that holds a number that is not finite.
std::string first_not_finite(const TensorList& list, std::span<const float> values) {
  for (const auto& t : list.tensors)
    if (!all_finite(values.subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size())))) return t.name;
  return "?";
}

/// The batches of one task, drawn again for every use, in buffers that are kept.
class Batches {
 public:
  Batches(const Task& task, const StepShape& shape)
      : task_(task), shape_(shape), x_(size(shape.widths.front() * shape.batch)), labels_(size(2 * shape.labelled())),
        pair_x_(size(shape.averages * shape.widths.front() * 2 * shape.labelled())), targets_(size(shape.averages * 2 * shape.labelled() * shape.classes)) {}

  std::span<const float> unlabelled(std::int64_t t) {
    task_.unlabelled(t, shape_.batch, x_);
    return x_;
  }

  /// The labelled pairs that score phi_t.
  std::span<const LabelledPair<float>> labelled(std::int64_t t) {
    const std::size_t n = size(shape_.labelled());
    const std::size_t inputs = pair_x_.size() / size(shape_.averages), targets = targets_.size() / size(shape_.averages);
    pairs_.clear();
    for (std::size_t a = 0; a < size(shape_.averages); ++a) {
      const auto x = std::span(pair_x_).subspan(a * inputs, inputs);
      const auto y = std::span(targets_).subspan(a * targets, targets);
      task_.labelled(t, static_cast<std::int64_t>(a), x, labels_);
      for (std::size_t half = 0; half < 2; ++half)
        standardise_targets<float>(std::span(labels_).subspan(half * n, n), shape_.classes, y.subspan(half * targets / 2, targets / 2));
      pairs_.push_back({x, y});
    }
    return pairs_;
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

  const Task& task_;
  const StepShape& shape_;
  std::vector<float> x_;
  std::vector<std::int32_t> labels_;
  std::vector<float> pair_x_, targets_;
  std::vector<LabelledPair<float>> pairs_;
};

}  // namespace

Windowed::Windowed(const Config& config, int kernel_threads) : config_(config), steps_(config.rule, kernel_threads) {}

StepShape Windowed::shape_of(const Task& task) const {
  return {task.widths(), config_.batch, task.classes(), config_.task.labels_per_class, config_.averages};
}

GradientEstimate Windowed::estimate(std::span<const float> theta, InFlight& task, std::int64_t) {
  const StepShape shape = shape_of(task.task);
  auto step = steps_.borrow(shape);
  Batches batches(task.task, shape);
  const std::size_t n = task.phi.size(), k = static_cast<std::size_t>(window_length(config_, task));
  std::vector<float> states((k + 1) * n);  // phi_t .. phi_{t+k}
  const auto state = [&](std::size_t i) { return std::span(states).subspan(i * n, n); };
  std::copy(task.phi.begin(), task.phi.end(), states.begin());

  std::vector<float> adjoint(n, 0.0f), new_adjoint(n);  // of phi_{t+1} and of phi_t
  // Says what is not finite after step i, and which op made it so: the step is replayed, looking at every value.
  const auto failed = [&](std::size_t i, const std::string& what) {
    GradientEstimate e;
    e.finite = false;
    e.failed_step = task.age + static_cast<std::int64_t>(i);
    e.failure = what;
    e.failed_op = step->first_non_finite(theta, state(i), batches.unlabelled(e.failed_step), batches.labelled(e.failed_step + 1), adjoint);
    return e;
  };

  // The last state comes out of the first turn, which runs its step forward anyway.
  for (std::size_t i = 0; i + 1 < k; ++i) {
    const auto t = task.age + static_cast<std::int64_t>(i);
    step->advance(theta, state(i), batches.unlabelled(t), state(i + 1));
    if (!all_finite(state(i + 1))) return failed(i, "phi, " + first_not_finite(phi_spec(shape.widths), state(i + 1)));
  }

  GradientEstimate result;
  result.gradient.assign(theta.size(), 0.0f);
  result.steps = static_cast<std::int64_t>(k);
  for (std::size_t i = k; i-- > 0;) {
    const auto t = task.age + static_cast<std::int64_t>(i);
    const auto x = batches.unlabelled(t);
    const bool last = i + 1 == k;
    const float objective = step->turn(theta, state(i), x, batches.labelled(t + 1), adjoint, new_adjoint, result.gradient, last ? state(k) : std::span<float>{});
    if (last && !all_finite(state(k))) return failed(i, "phi, " + first_not_finite(phi_spec(shape.widths), state(k)));
    if (!std::isfinite(objective)) return failed(i, "the objective");
    if (!all_finite(new_adjoint)) return failed(i, "the adjoint of phi, " + first_not_finite(phi_spec(shape.widths), new_adjoint));
    if (!all_finite(result.gradient)) return failed(i, "the gradient, " + first_not_finite(theta_spec(config_.rule), result.gradient));
    adjoint.swap(new_adjoint);
    if (last) result.objective_last = objective;
    result.objective_first = objective;
  }
  const float share = 1.0f / static_cast<float>(k);
  for (float& g : result.gradient) g *= share;

  const auto end = state(k);
  task.phi.assign(end.begin(), end.end());
  task.age += result.steps;
  return result;
}

bool Windowed::advance(std::span<const float> theta, InFlight& task, std::int64_t steps) {
  const StepShape shape = shape_of(task.task);
  auto step = steps_.borrow(shape);
  Batches batches(task.task, shape);
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
