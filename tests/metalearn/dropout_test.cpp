// Dropout in the inner steps of training tasks, from the masks to the training that uses them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "autodiff/plan/plan.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/model/base_model.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "metalearn/steps/task_batches.hpp"
#include "metalearn/windows/windowed.hpp"
#include "small_training.hpp"

using namespace outer_test;

namespace {

Config dropping(double rate, DropoutPlace place, const std::string& rule = "metz") {
  Config c = small_config();
  c.rule.rule = rule;
  c.task.hidden_min = c.task.hidden_max = 2;
  c.task.dropout = rate;
  c.task.dropout_place = place;
  return c;
}

Task task_of(const Config& c, std::uint64_t id = 0, Role role = Role::train) {
  return TaskDistribution(c.task, {small_dataset()}, c.seed).draw(role, id);
}

std::vector<float> unlabelled(const Task& task, std::int64_t t, std::int64_t batch = 200) {
  std::vector<float> x(static_cast<std::size_t>(task.widths()[0] * batch));
  task.unlabelled(t, batch, x);
  return x;
}

std::vector<float> masks(const Task& task, std::int64_t t, std::int64_t batch = 200) {
  std::vector<float> m(static_cast<std::size_t>(task.mask_rows() * batch));
  task.masks(t, batch, m);
  return m;
}

double zeros(const std::vector<float>& values) {
  return static_cast<double>(std::count(values.begin(), values.end(), 0.0f)) /
         static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("masks have their rate, keep means, and are a pure function of task and t") {
  for (const double rate : {0.1, 0.5, 0.9}) {
    const Config c = dropping(rate, DropoutPlace::all);
    const Task task = task_of(c), plain = task_of(dropping(0, DropoutPlace::all));
    REQUIRE(task.mask_rows() == 16);
    const auto m = masks(task, 3);
    const auto scale = static_cast<float>(1 / (1 - rate));
    CHECK(zeros(m) == doctest::Approx(rate).epsilon(0.1));
    for (const float v : m) REQUIRE((v == 0 || v == scale));
    CHECK(masks(task_of(c), 3) == m);
    CHECK(masks(task, 4) != m);
    CHECK(masks(task_of(c, 1), 3) != m);
    const auto x = unlabelled(task, 3), all = unlabelled(plain, 3);
    CHECK(zeros(all) < 0.01);
    CHECK(zeros(x) == doctest::Approx(rate).epsilon(0.1));
    for (std::size_t i = 0; i < x.size(); ++i) REQUIRE((x[i] == 0 || x[i] == all[i] * scale));
    CHECK(unlabelled(task_of(c), 3) == x);
    // Each input and unit of each example for itself.
    for (const auto& [values, rows] : {std::pair{x, 16}, std::pair{m, 16}}) {
      for (int row = 0; row < rows; ++row) {
        const std::vector<float> one(values.begin() + row * 200, values.begin() + (row + 1) * 200);
        CHECK(std::abs(zeros(one) - rate) < 0.15);
      }
    }
  }
}

TEST_CASE("the place says which units are dropped, and only in inner steps of training tasks") {
  const Config none = dropping(0, DropoutPlace::all);
  for (const DropoutPlace place : {DropoutPlace::inputs, DropoutPlace::hidden, DropoutPlace::all}) {
    const Config c = dropping(0.5, place);
    const Task task = task_of(c), plain = task_of(none);
    CHECK((unlabelled(task, 0) == unlabelled(plain, 0)) == (place == DropoutPlace::hidden));
    CHECK((task.mask_rows() == 0) == (place == DropoutPlace::inputs));
    const auto labelled = [](const Task& of) {
      std::vector<float> x(static_cast<std::size_t>(of.widths()[0] * 6 * of.classes()));
      std::vector<std::int32_t> labels(static_cast<std::size_t>(6 * of.classes()));
      of.labelled(0, 0, x, labels);
      return x;
    };
    CHECK(labelled(task) == labelled(plain));
    const Task test = task_of(c, 0, Role::test),
               evaluated = evaluation_task(small_dataset(), {8, 8}, c.task, 1);
    CHECK(test.mask_rows() == 0);
    CHECK(unlabelled(test, 0) == unlabelled(task_of(none, 0, Role::test), 0));
    CHECK(evaluated.mask_rows() == 0);
    CHECK(unlabelled(evaluated, 0) == unlabelled(evaluation_task(small_dataset(), {8, 8}, none.task, 1), 0));
    CHECK(training_shape(c, task).masks == (place != DropoutPlace::inputs));
    CHECK(largest_shape(c, 16, 3).masks == (place != DropoutPlace::inputs));
    CHECK(training_shape(none, plain) == StepShape{plain.widths(), none.batch, plain.classes(), 3, 1});
  }
  Config deep = dropping(0.5, DropoutPlace::hidden);
  deep.task.hidden_min = deep.task.hidden_max = 0;  // nothing is hidden
  CHECK(!training_shape(deep, task_of(deep)).masks);
  Config wrong = dropping(1, DropoutPlace::all);
  CHECK_THROWS_AS(task_of(wrong), std::invalid_argument);
}

TEST_CASE(
    "masks multiply what hidden layers give out, and neither potentials, inputs nor the representation") {
  constexpr std::int64_t N = 3, M = 4, K = 2, B = 5;
  Random random(1, 4);
  const auto numbers = [&](std::int64_t n) {
    std::vector<double> v(static_cast<std::size_t>(n));
    for (double& x : v) x = random.normal();
    return v;
  };
  const auto W1 = numbers(N * M), W2 = numbers(M * K), b1 = numbers(M), b2 = numbers(K);
  auto x = numbers(N * B);
  for (std::int64_t i = 0; i < M * B; ++i) x.push_back(random.chance(0.5) ? 2 : 0);
  autodiff::Graph graph;
  using autodiff::Shape;
  const Phi phi{{graph.input(Shape{N, M}, "W1"), graph.input(Shape{M, K}, "W2")},
                {},
                {graph.input(Shape{M}, "b1"), graph.input(Shape{K}, "b2")}};
  const auto in = graph.input(Shape{N + M, B}, "x");
  const Activity a = forward(phi, in, Activation::tanh);
  const autodiff::Plan<double> plan(std::vector{phi.W[0], phi.W[1], phi.b[0], phi.b[1], in},
                                    std::vector{a.x[0], a.z[1], a.x[1], a.x[2]});
  std::vector<double> x0(N * B), z1(M * B), x1(M * B), x2(K * B);
  autodiff::Arena arena;
  plan.run(std::vector<const double*>{W1.data(), W2.data(), b1.data(), b2.data(), x.data()},
           std::vector<double*>{x0.data(), z1.data(), x1.data(), x2.data()}, arena, autodiff::Parallel(1));

  const auto layer = [](const std::vector<double>& W, const std::vector<double>& b, const double* below,
                        std::int64_t from, std::int64_t to) {
    std::vector<double> z(static_cast<std::size_t>(to * B), 0.0);
    for (std::int64_t j = 0; j < to; ++j) {
      double* row = z.data() + j * B;
      double mean = 0, variance = 0;
      for (std::int64_t e = 0; e < B; ++e) {
        for (std::int64_t i = 0; i < from; ++i)
          row[e] += W[static_cast<std::size_t>(i * to + j)] * below[i * B + e];
        mean += row[e] / B;
      }
      for (std::int64_t e = 0; e < B; ++e) variance += (row[e] - mean) * (row[e] - mean) / B;
      for (std::int64_t e = 0; e < B; ++e)
        row[e] =
            (row[e] - mean) / std::sqrt(variance + kBaseBatchNormEpsilon) + b[static_cast<std::size_t>(j)];
    }
    return z;
  };
  const auto expected_z1 = layer(W1, b1, x.data(), N, M);
  std::vector<double> expected_x1;
  for (std::size_t i = 0; i < expected_z1.size(); ++i)
    expected_x1.push_back(std::tanh(expected_z1[i]) * x[static_cast<std::size_t>(N * B) + i]);
  const auto expected_z2 = layer(W2, b2, expected_x1.data(), M, K);
  for (std::size_t i = 0; i < x0.size(); ++i) CHECK(x0[i] == x[i]);
  for (std::size_t i = 0; i < z1.size(); ++i) CHECK(z1[i] == doctest::Approx(expected_z1[i]));
  for (std::size_t i = 0; i < x1.size(); ++i) CHECK(x1[i] == doctest::Approx(expected_x1[i]));
  for (std::size_t i = 0; i < x2.size(); ++i) CHECK(x2[i] == doctest::Approx(std::tanh(expected_z2[i])));
}

TEST_CASE(
    "the gradient with masks agrees with central differences, for both rules, and float32 with float64") {
  for (const char* rule : {"metz", "synaptic"}) {
    CAPTURE(rule);
    const Config c = dropping(0.3, DropoutPlace::all, rule);
    const InFlight in_flight = small_tasks(c)(0);
    const auto shape = training_shape(c, in_flight.task);
    REQUIRE(shape.batch_rows() == 32);
    const auto start = initial_theta(c.rule, 5);
    const std::vector<double> theta(start.begin(), start.end()),
        phi(in_flight.phi.begin(), in_flight.phi.end());
    InnerStep<double> step(c.rule, shape);
    TaskBatches<double> batches(in_flight.task, shape);
    Random random(1, 9);
    std::vector<double> dtheta(theta.size()), dphi(phi.size());
    for (double& d : dtheta) d = random.normal();
    for (double& d : dphi) d = random.normal();
    const auto J = [&](double h) {
      std::vector<double> moved = theta, from = phi, next(phi.size());
      for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += h * dtheta[i];
      for (std::size_t i = 0; i < from.size(); ++i) from[i] += h * dphi[i];
      step.advance(moved, from, batches.unlabelled(2), next);
      return step.score(next, batches.labelled(3));
    };
    const std::vector<double> no_adjoint(phi.size(), 0.0);
    std::vector<double> reached(phi.size()), adjoint(phi.size()), gradient(theta.size());
    CHECK(step.turn({theta, phi, batches.unlabelled(2), batches.labelled(3), no_adjoint}, reached, adjoint,
                    gradient) == J(0));
    double along = 0, best = 1;
    for (std::size_t i = 0; i < theta.size(); ++i) along += dtheta[i] * gradient[i];
    for (std::size_t i = 0; i < phi.size(); ++i) along += dphi[i] * adjoint[i];
    for (const double h : {1e-7, 1e-8, 1e-9})
      best = std::min(best, std::abs((J(h) - J(-h)) / (2 * h) - along) / std::abs(along));
    CHECK(best < 1e-4);

    InnerStep<float> single(c.rule, shape);
    TaskBatches<float> single_batches(in_flight.task, shape);
    const std::vector<float> single_no_adjoint(phi.size(), 0.0f);
    std::vector<float> single_reached(phi.size()), single_adjoint(phi.size()), single_gradient(theta.size());
    single.turn(
        {start, in_flight.phi, single_batches.unlabelled(2), single_batches.labelled(3), single_no_adjoint},
        single_reached, single_adjoint, single_gradient);
    double apart = 0, norm = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      apart += std::pow(gradient[i] - static_cast<double>(single_gradient[i]), 2);
      norm += gradient[i] * gradient[i];
    }
    CHECK(std::sqrt(apart / norm) < 0.05);
    // The masks matter to the step, and not to the score.
    std::vector<double> other(phi.size()), next(phi.size());
    step.advance(theta, phi, batches.unlabelled(2), next);
    auto x = std::vector<double>(batches.unlabelled(2).begin(), batches.unlabelled(2).end());
    std::fill(x.begin() + 16 * shape.batch, x.end(), 1.0);
    step.advance(theta, phi, x, other);
    CHECK(other != next);
    StepShape without = shape;
    without.masks = false;
    InnerStep<double> plain(c.rule, without);
    CHECK(plain.score(next, batches.labelled(3)) == step.score(next, batches.labelled(3)));
    std::vector<double> unmasked(phi.size());
    plain.advance(theta, phi, std::span<const double>(x).first(static_cast<std::size_t>(16 * shape.batch)),
                  unmasked);
    for (std::size_t i = 0; i < unmasked.size(); ++i)
      CHECK(unmasked[i] == doctest::Approx(other[i]).epsilon(1e-9));
  }
}

TEST_CASE(
    "a training with dropout ends with the same bits after a stop and on two threads; at rate 0 with those "
    "of one without") {
  Folder folder;
  for (const char* rule : {"metz", "synaptic"}) {
    Config c = dropping(0.2, DropoutPlace::all, rule);
    const std::string name = folder / rule;
    c.updates = 12;
    const auto whole = finish(*start_with(c, name + "-whole", small_parts<>));
    CHECK(all_finite(whole));
    c.updates = 5;
    finish(*start_with(c, name + "-parts", small_parts<>));
    CHECK(finish(*resume_with(name + "-parts", {{"updates", "12"}, {"threads", "2"}}, small_parts<>)) ==
          whole);
    c.updates = 12;
    c.task.dropout = 0;
    const auto none = finish(*start_with(c, name + "-none", small_parts<>));
    CHECK(none != whole);
    c.task.dropout_place = DropoutPlace::inputs;
    CHECK(finish(*start_with(c, name + "-default", small_parts<>)) == none);
    for (const DropoutPlace place : {DropoutPlace::inputs, DropoutPlace::hidden}) {
      c.task.dropout = 0.2;
      c.task.dropout_place = place;
      const auto other = finish(
          *start_with(c, name + (place == DropoutPlace::inputs ? "-inputs" : "-hidden"), small_parts<>));
      CHECK(other != none);
      CHECK(other != whole);
    }
  }
}
