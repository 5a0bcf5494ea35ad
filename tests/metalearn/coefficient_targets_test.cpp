// Coefficients of the augmentation as targets of the meta-objective, from the task that draws them to the
// training that uses them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "metalearn/base/finite.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "metalearn/steps/task_batches.hpp"
#include "metalearn/windows/windowed.hpp"
#include "small_training.hpp"

using namespace outer_test;

namespace {

/// One bright spot, 3 pixels right of the centre of a 15 x 15 image.
std::shared_ptr<const Dataset> spot() {
  auto data = std::make_shared<Dataset>();
  data->name = "spot";
  data->class_names = {"0", "1"};
  for (ImageSet* set : {&data->train, &data->validation, &data->test}) {
    set->height = set->width = 15;
    for (int k = 0; k < 80; ++k) {
      std::vector<std::uint8_t> image(225, 0);
      for (int r : {6, 7, 8})
        for (int c : {9, 10, 11}) image[static_cast<std::size_t>(r * 15 + c)] = 200;
      set->pixels.insert(set->pixels.end(), image.begin(), image.end());
      set->labels.push_back(k % 2);
    }
  }
  return data;
}

TaskConfig plain() {
  TaskConfig config;
  config.resolution = 15;
  config.permute = 0;
  config.coefficient_targets = true;
  config.coefficient_weight = 1;
  return config;
}

struct Labelled {
  std::vector<float> x, coefficients;
  std::vector<std::int32_t> labels;
};

Labelled labelled(const Task& task, int labels_per_class = 10) {
  const auto n = static_cast<std::size_t>(2 * labels_per_class * task.classes());
  Labelled l{std::vector<float>(static_cast<std::size_t>(task.widths()[0]) * n),
             std::vector<float>(n * static_cast<std::size_t>(task.coefficients())),
             std::vector<std::int32_t>(n)};
  task.labelled(3, 0, l.x, l.labels, l.coefficients);
  return l;
}

/// How far down and right of the centre the spot of example e is.
std::pair<double, double> centre(const Labelled& l, std::size_t e) {
  double mass = 0, down = 0, right = 0;
  for (int r = 0; r < 15; ++r)
    for (int c = 0; c < 15; ++c) {
      const double v = static_cast<double>(l.x[static_cast<std::size_t>(r * 15 + c) * l.labels.size() + e]);
      mass += v, down += v * (r - 7), right += v * (c - 7);
    }
  return {down / mass, right / mass};
}

Config turning_config() {
  Config c = small_config();
  c.task.rotate = c.task.shift = 0.5;
  c.task.shift_max = 1;
  c.task.coefficient_targets = true;
  c.window_min = c.length_min = 2;
  return c;
}

}  // namespace

TEST_CASE(
    "coefficients are what was done to each image: the shifts down and right, and the angle, over their "
    "largest") {
  TaskConfig config = plain();
  config.shift = 1;
  const auto data = spot();
  const Labelled shifted = labelled(TaskDistribution(config, {data}, 1).draw(Role::train, 0));
  REQUIRE(shifted.coefficients.size() == 2 * shifted.labels.size());
  for (std::size_t e = 0; e < shifted.labels.size(); ++e) {
    const auto [down, right] = centre(shifted, e);
    CHECK(static_cast<double>(shifted.coefficients[2 * e]) * config.shift_max ==
          doctest::Approx(down).epsilon(0.01));
    CHECK(static_cast<double>(shifted.coefficients[2 * e + 1]) * config.shift_max ==
          doctest::Approx(right - 3).epsilon(0.01));
  }
  config.shift = 0, config.rotate = 1;
  const Labelled turned = labelled(TaskDistribution(config, {data}, 1).draw(Role::train, 0));
  REQUIRE(turned.coefficients.size() == turned.labels.size());
  float low = 0, high = 0;
  for (std::size_t e = 0; e < turned.labels.size(); ++e) {
    const auto [down, right] = centre(turned, e);
    const double degrees = std::atan2(down, right) * 180 / 3.14159265358979;
    CHECK(std::abs(static_cast<double>(turned.coefficients[e]) * config.rotate_max - degrees) < 0.7);
    low = std::min(low, turned.coefficients[e]), high = std::max(high, turned.coefficients[e]);
  }
  CHECK(low < -0.5f);
  CHECK(low >= -1);
  CHECK(high > 0.5f);
  CHECK(high <= 1);
  config.coefficient_weight = 0.25;
  const Labelled light = labelled(TaskDistribution(config, {data}, 1).draw(Role::train, 0));
  for (std::size_t e = 0; e < turned.labels.size(); ++e)
    CHECK(light.coefficients[e] == 0.25f * turned.coefficients[e]);
}

TEST_CASE(
    "tasks have the coefficients of what they do; held-out tasks, features, evaluations and others have "
    "none, and batches are the same with and without") {
  TaskConfig config = plain();
  config.shift = config.rotate = 0.5;
  CHECK(config.most_coefficients() == 3);
  const TaskDistribution tasks(config, {spot()}, 1);
  config.coefficient_targets = false;
  CHECK(config.most_coefficients() == 0);
  const TaskDistribution without(config, {spot()}, 1);
  std::set<std::int64_t> seen;
  for (std::uint64_t id = 0; id < 20; ++id) {
    const Task task = tasks.draw(Role::train, id), other = without.draw(Role::train, id);
    seen.insert(task.coefficients());
    CHECK(other.coefficients() == 0);
    CHECK(labelled(task).x == labelled(other).x);
    Labelled l = labelled(task);
    std::vector<float> x(l.x.size());
    task.labelled(3, 0, x, l.labels);
    CHECK(x == l.x);
    for (const Role role : {Role::validation, Role::test}) CHECK(tasks.draw(role, id).coefficients() == 0);
    CHECK(TaskDistribution(plain(), {load_dataset("mixture")}, 1).draw(Role::train, id).coefficients() == 0);
  }
  CHECK(seen == std::set<std::int64_t>{0, 1, 2, 3});
  CHECK(evaluation_task(spot(), {8}, config, 0).coefficients() == 0);
  config = plain();
  config.shift = config.rotate = 1;
  config.shift_max = config.rotate_max = 0;  // nothing moves
  CHECK(TaskDistribution(config, {spot()}, 1).draw(Role::train, 0).coefficients() == 0);
  CHECK(config.most_coefficients() == 0);
}

TEST_CASE(
    "targets with coefficients: classes centred among themselves, all columns scaled to unit mean row norm; "
    "without them the bits of before") {
  const std::vector<std::int32_t> labels = {0, 1, 2, 1};
  const std::vector<float> coefficients = {0.5f, -1, 0, 0.25f, 1, 1, -0.5f, 0};
  std::vector<double> y(4 * 5), classes(4 * 3);
  standardise_targets<double>(labels, 3, y, coefficients);
  standardise_targets<double>(labels, 3, classes);
  double squares = 0, sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) squares += y[i] * y[i] / 4;
  CHECK(squares == doctest::Approx(1));
  const double ratio = y[3] / 0.5;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t c = 0; c < 3; ++c) sum += y[i * 5 + c];
    for (std::size_t c = 0; c < 2; ++c)
      CHECK(y[i * 5 + 3 + c] == doctest::Approx(ratio * static_cast<double>(coefficients[2 * i + c])));
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(y[i * 5 + c] / ratio ==
            doctest::Approx(static_cast<double>(labels[i] == static_cast<std::int32_t>(c)) - 1.0 / 3));
  }
  CHECK(std::abs(sum) < 1e-12);
  double unit = 0;
  for (const double v : classes) unit += v * v / 4;
  CHECK(unit == doctest::Approx(1));
  CHECK_THROWS_AS(standardise_targets<double>(labels, 3, y), std::invalid_argument);
  CHECK_THROWS_AS(standardise_targets<double>(labels, 3, y, std::span(coefficients).first(7)),
                  std::invalid_argument);

  const std::vector<float> predictions = {0.1f, 0.2f, 9, 0.4f, 0.3f, 9};  // the last column is no class
  CHECK(accuracy<float>(predictions, std::vector<std::int32_t>{1, 0}, 2) == 1);
  CHECK(accuracy<float>(predictions, std::vector<std::int32_t>{1, 0}) == 0);
  CHECK_THROWS_AS(accuracy<float>(predictions, std::vector<std::int32_t>{1, 0}, 4), std::invalid_argument);
}

TEST_CASE(
    "the gradient of a task with coefficients agrees with central differences, and coefficients change it") {
  const Config c = turning_config();
  const auto make = small_tasks(c);
  std::uint64_t id = 0;
  while (make(id).task.coefficients() != 3) ++id;
  const InFlight in_flight = make(id);
  const auto shape = training_shape(c, in_flight.task);
  CHECK(shape.targets() == in_flight.task.classes() + 3);
  const auto start = initial_theta(c.rule, 5);
  const std::vector<double> theta(start.begin(), start.end()),
      phi(in_flight.phi.begin(), in_flight.phi.end());
  InnerStep<double> step(c.rule, shape);
  TaskBatches<double> batches(in_flight.task, shape);
  Random random(1, 9);
  std::vector<double> direction(theta.size());
  for (double& d : direction) d = random.normal();
  const auto J = [&](double h) {
    std::vector<double> moved = theta, next(phi.size());
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += h * direction[i];
    step.advance(moved, phi, batches.unlabelled(0), next);
    return step.score(next, batches.labelled(1));
  };
  const std::vector<double> no_adjoint(phi.size(), 0.0);
  std::vector<double> reached(phi.size()), adjoint(phi.size()), gradient(theta.size());
  CHECK(step.turn({theta, phi, batches.unlabelled(0), batches.labelled(1), no_adjoint}, reached, adjoint,
                  gradient) == J(0));
  double along = 0, best = 1;
  for (std::size_t i = 0; i < theta.size(); ++i) along += direction[i] * gradient[i];
  for (const double h : {1e-7, 1e-8, 1e-9})
    best = std::min(best, std::abs((J(h) - J(-h)) / (2 * h) - along) / std::abs(along));
  CHECK(best < 1e-4);
  Config plain_config = c;
  plain_config.task.coefficient_targets = false;
  const InFlight other = small_tasks(plain_config)(id);
  const auto plain_shape = training_shape(plain_config, other.task);
  InnerStep<double> plain_step(c.rule, plain_shape);
  TaskBatches<double> plain_batches(other.task, plain_shape);
  CHECK(std::abs(plain_step.score(phi, plain_batches.labelled(1)) - step.score(phi, batches.labelled(1))) >
        1e-3);
}

TEST_CASE(
    "a training with coefficient targets ends with the same bits after a stop and on two threads; the "
    "largest shape has room for them") {
  Folder folder;
  Config c = turning_config();
  c.updates = 16;
  CHECK(largest_shape(c, 16, 3).targets() == 6);
  const auto whole = finish(*start_with(c, folder / "whole", small_parts<>));
  CHECK(all_finite(whole));
  c.updates = 7;
  finish(*start_with(c, folder / "parts", small_parts<>));
  CHECK(finish(*resume_with(folder / "parts", {{"updates", "16"}, {"threads", "2"}}, small_parts<>)) ==
        whole);
  c.updates = 16;
  c.task.coefficient_targets = false;
  CHECK(finish(*start_with(c, folder / "without", small_parts<>)) != whole);
}
