#include "metalearn/outer/step_measurement.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "metalearn/tasks/random.hpp"

namespace metalearn {

namespace {

std::vector<float> drawn(std::int64_t count, const char* what) {
  Random random(1, purpose(what));
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = static_cast<float>(random.uniform(0, 1));
  return values;
}

// Copying a number of the tape away and back, through memory that is touched for the first time, takes about as long as so many multiply-adds. A tape that takes more than a quarter of the
// step forward, which is what it saves, is not kept: the planner leaves the copying out of account.
constexpr double kCopyArithmetic = 16, kTapeShare = 0.25;

/// As TaskDistribution rounds it.
std::int64_t largest_width(const TaskConfig& task) { return std::max<std::int64_t>(8, (task.width_max + 4) / 8 * 8); }

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
  return shape;
}

StepShape largest_shape(const Config& c) { return largest_shape(c, c.task.resolution * c.task.resolution, c.task.classes_max); }

autodiff::StepProfile step_profile(InnerStep<float>& step) {
  const std::size_t tape = step.record_size();
  const bool pays = static_cast<double>(tape) * kCopyArithmetic <= kTapeShare * step.forward_arithmetic();
  return {static_cast<std::size_t>(step.phi_size()), static_cast<std::size_t>(step.theta_size()), pays ? tape : 0, sizeof(float), step.unroll_bytes()};
}

autodiff::StepCosts step_costs(InnerStep<float>& step) {
  const double again = step.recomputed_evaluations(), turn = std::max(1.0, step.turn_arithmetic() / step.forward_arithmetic());
  return {{1, 1}, {1, 1}, {turn - 1, again}, {turn, 1 + again}};
}

StepMeasurement measure_step(const RuleConfig& rule, const StepShape& shape, int threads, int rounds) {
  InnerStep<float> step(rule, shape, threads);
  const auto theta = initial_theta(rule, 1), phi = initial_phi(shape.widths, 1, 0);
  const auto x = drawn(shape.widths.front() * shape.batch, "measured batch"), pair_x = drawn(shape.widths.front() * 2 * shape.labelled(), "measured pair");
  std::vector<std::int32_t> labels(static_cast<std::size_t>(shape.labelled()));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(shape.classes));
  const std::size_t half = labels.size() * static_cast<std::size_t>(shape.classes);
  std::vector<float> targets(2 * half);
  for (std::size_t first : {std::size_t{0}, half}) standardise_targets<float>(labels, shape.classes, std::span(targets).subspan(first, half));
  const std::vector<LabelledPair<float>> pairs(static_cast<std::size_t>(shape.averages), {pair_x, targets});
  std::vector<float> next(phi.size()), adjoint(phi.size(), 0.0f), new_adjoint(phi.size()), gradient(theta.size());

  StepMeasurement m;
  m.profile = step_profile(step);
  m.costs = step_costs(step);
  m.costs.advance.seconds = least_seconds(rounds, [&] { step.advance(theta, phi, x, next); });
  m.costs.turn.seconds = least_seconds(rounds, [&] { step.turn(theta, phi, x, pairs, adjoint, new_adjoint, gradient, next); });
  const auto numbers = step.record_size();
  autodiff::Arena memory;
  std::span<float> tape;
  const double record = least_seconds(rounds, [&] {
    memory = autodiff::Arena();  // as a tape that is kept finds it: touched for the first time
    memory.reserve(numbers * sizeof(float));
    tape = {reinterpret_cast<float*>(memory.data()), numbers};
    step.record(theta, phi, x, pairs, next, tape);
  });
  const double reverse = least_seconds(rounds, [&] { step.reverse(theta, tape, x, pairs, adjoint, new_adjoint, gradient); });
  m.costs.record.seconds = std::min(m.costs.turn.seconds, record);
  m.costs.reverse.seconds = m.costs.turn.seconds - m.costs.record.seconds;
  m.tape_seconds = record + reverse - m.costs.turn.seconds;
  return m;
}

}  // namespace metalearn
