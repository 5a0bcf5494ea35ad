#include "metalearn/steps/step_measurement.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "metalearn/base/random.hpp"

namespace metalearn {

namespace {

std::vector<float> drawn(std::int64_t count, const char* what) {
  Random random(1, purpose(what));
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = static_cast<float>(random.uniform(0, 1));
  return values;
}

/// Rounded as TaskDistribution does.
std::int64_t largest_width(const TaskConfig& task) {
  return std::max<std::int64_t>(8, (task.width_max + 4) / 8 * 8);
}

template <class F>
double least_seconds(int rounds, F run) {
  using Clock = std::chrono::steady_clock;
  run();  // touches the memory
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < rounds; ++i) {
    const auto before = Clock::now();
    run();
    least = std::min(least, std::chrono::duration<double>(Clock::now() - before).count());
  }
  return least;
}

}  // namespace

StepShape largest_shape(const Config& c, std::int64_t inputs, std::int64_t classes) {
  StepShape shape;
  shape.widths = {inputs};
  shape.widths.insert(shape.widths.end(), static_cast<std::size_t>(c.task.hidden_max), largest_width(c.task));
  shape.widths.push_back(c.task.representation);
  shape.batch = c.batch;
  shape.classes = std::min<std::int64_t>(c.task.classes_max, classes);
  shape.labels_per_class = c.task.labels_per_class;
  shape.averages = c.averages;
  shape.coefficients = c.task.most_coefficients();
  shape.masks = c.task.drops_hidden() && c.task.hidden_max > 0;
  return shape;
}

StepShape largest_shape(const Config& c) {
  return largest_shape(c, c.task.resolution * c.task.resolution, c.task.classes_max);
}

template <class T>
autodiff::StepProfile step_profile(InnerStep<T>& step) {
  return {.state_size = static_cast<std::size_t>(step.phi_size()),
          .theta_size = static_cast<std::size_t>(step.theta_size()),
          .tape_size = step.record_size(),
          .number_bytes = sizeof(T),
          .working_bytes = step.unroll_bytes(),
          .recomputed = step.recomputed_evaluations()};
}
template autodiff::StepProfile step_profile(InnerStep<float>&);
template autodiff::StepProfile step_profile(InnerStep<double>&);

std::vector<autodiff::StepProfile> step_profiles(const RuleConfig& rule, const StepShape& shape) {
  std::vector<autodiff::StepProfile> tapes;
  for (const int n : kSubSegments) {
    InnerStep<float> step(rule, shape, 1, n);
    tapes.push_back(step_profile(step));
  }
  return tapes;
}

autodiff::StepSpeed arithmetic_speed(InnerStep<float>& step) {
  return {1, std::max(0.0, step.turn_arithmetic() / step.forward_arithmetic() - 1 -
                               step.recomputed_evaluations())};
}

autodiff::StepSpeed measure_speed(const RuleConfig& rule, const StepShape& shape, int threads, int rounds) {
  InnerStep<float> step(rule, shape, threads);
  const auto theta = initial_theta(rule, 1), phi = initial_phi(shape.widths, 1, 0);
  const auto x = drawn(shape.batch_rows() * shape.batch, "measured batch"),
             pair_x = drawn(shape.widths.front() * 2 * shape.labelled(), "measured pair");
  std::vector<std::int32_t> labels(static_cast<std::size_t>(shape.labelled()));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(shape.classes));
  const std::size_t half = labels.size() * static_cast<std::size_t>(shape.targets());
  const std::vector<float> coefficients(labels.size() * static_cast<std::size_t>(shape.coefficients), 0.5f);
  std::vector<float> targets(2 * half);
  for (std::size_t first : {std::size_t{0}, half})
    standardise_targets<float>(labels, shape.classes, std::span(targets).subspan(first, half), coefficients);
  const std::vector<LabelledPair<float>> pairs(static_cast<std::size_t>(shape.averages), {pair_x, targets});
  std::vector<float> next(phi.size()), adjoint(phi.size(), 0.0f), new_adjoint(phi.size()),
      contribution(theta.size());
  const StepInputs<float> in{.theta = theta, .phi = phi, .x = x, .pairs = pairs, .adjoint_next = adjoint};

  const double forward = least_seconds(rounds, [&] { step.advance(theta, phi, x, next); });
  const double turn = least_seconds(rounds, [&] { step.turn(in, next, new_adjoint, contribution); });
  return {forward, std::max(0.0, turn - forward * (1 + step.recomputed_evaluations()))};
}

}  // namespace metalearn
