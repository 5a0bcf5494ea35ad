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

// Copying a tape away and back has to cost less than this share of the step forward that it saves; the planner leaves it out of account.
constexpr double kTapeShare = 0.25;

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

StepShape largest_shape(const Config& c) {
  StepShape shape;
  shape.widths = {c.task.resolution * c.task.resolution};
  shape.widths.insert(shape.widths.end(), static_cast<std::size_t>(c.task.hidden_max), c.task.width_max);
  shape.widths.push_back(c.task.representation);
  shape.batch = c.batch;
  shape.classes = c.task.classes_max;
  shape.labels_per_class = c.task.labels_per_class;
  shape.averages = c.averages;
  return shape;
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
  m.profile = {phi.size(), theta.size(), step.record_size(), sizeof(float), step.unroll_bytes()};
  const double recomputed = step.recomputed_evaluations();
  m.costs.advance = {least_seconds(rounds, [&] { step.advance(theta, phi, x, next); }), 1};
  m.costs.turn = {least_seconds(rounds, [&] { step.turn(theta, phi, x, pairs, adjoint, new_adjoint, gradient, next); }), 1 + recomputed};
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
  m.costs.record = {std::min(m.costs.turn.seconds, record), 1};
  m.costs.reverse = {m.costs.turn.seconds - m.costs.record.seconds, recomputed};
  m.tape_seconds = record + reverse - m.costs.turn.seconds;
  if (m.tape_seconds > kTapeShare * m.costs.advance.seconds) m.profile.tape_size = 0;
  return m;
}

}  // namespace metalearn
