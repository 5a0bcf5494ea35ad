#include "metalearn/steps/inner_step.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "autodiff/ops/loops/tiles.hpp"
#include "metalearn/base/random.hpp"

using namespace metalearn;

namespace {

template <class T>
struct Example {
  RuleConfig rule;
  StepShape shape;
  std::vector<T> theta, phi, x, labelled, targets;
  std::vector<LabelledPair<T>> pairs() const { return {{labelled, targets}}; }
};

template <class T>
Example<T> example(Activation act = Activation::relu, bool identical = true,
                   const std::vector<std::int64_t>& widths = {12, 10, 8}, std::int64_t batch = 9,
                   std::int64_t H = 6) {
  Example<T> e;
  e.rule.H = H, e.rule.S = 5, e.rule.D = 3, e.rule.G = 2, e.rule.N_L = widths.back();
  e.rule.identical_updates = identical;
  e.rule.activation = act;
  e.rule.inner_rate = 1e-2;
  e.shape = {widths, batch, 3, 4, 1};
  const auto theta = initial_theta(e.rule, 3), phi = initial_phi(e.shape.widths, 3, 1);
  e.theta.assign(theta.begin(), theta.end());
  e.phi.assign(phi.begin(), phi.end());
  Random random(1, 2);
  const auto fill = [&](std::vector<T>& v, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) v.push_back(static_cast<T>(random.uniform()));
  };
  fill(e.x, widths.front() * batch);
  fill(e.labelled, widths.front() * 24);
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 24; ++i) labels.push_back(i % 3);
  e.targets.resize(24 * 3);
  standardise_targets<T>(labels, 3, e.targets);
  return e;
}

template <class T>
struct Turned {
  std::vector<T> adjoint, gradient, next;
  T objective;
};
template <class T>
Turned<T> turn(InnerStep<T>& step, const Example<T>& e, std::vector<T> adjoint_next) {
  Turned<T> r{std::vector<T>(e.phi.size()), std::vector<T>(e.theta.size()), std::vector<T>(e.phi.size()), 0};
  r.objective = step.turn({e.theta, e.phi, e.x, e.pairs(), adjoint_next}, r.next, r.adjoint, r.gradient);
  return r;
}

/// The relative difference of the reverse in one direction of theta and phi at once to central differences.
double worst_of_reverse(const Example<double>& e) {
  InnerStep<double> step(e.rule, e.shape);
  Random random(7, 7);
  std::vector<double> adjoint_next(e.phi.size()), dtheta(e.theta.size()), dphi(e.phi.size());
  for (double& v : adjoint_next) v = random.normal();
  for (double& v : dtheta) v = random.normal();
  for (double& v : dphi) v = random.normal();
  const auto value = [&](double h) {
    auto moved = e;
    for (std::size_t i = 0; i < dtheta.size(); ++i) moved.theta[i] += h * dtheta[i];
    for (std::size_t i = 0; i < dphi.size(); ++i) moved.phi[i] += h * dphi[i];
    std::vector<double> next(e.phi.size());
    step.advance(moved.theta, moved.phi, moved.x, next);
    double sum = step.score(next, moved.pairs());
    for (std::size_t i = 0; i < next.size(); ++i) sum += adjoint_next[i] * next[i];
    return sum;
  };
  const auto r = turn(step, e, adjoint_next);
  double analytic = 0;
  for (std::size_t i = 0; i < dtheta.size(); ++i) analytic += dtheta[i] * r.gradient[i];
  for (std::size_t i = 0; i < dphi.size(); ++i) analytic += dphi[i] * r.adjoint[i];
  // The update networks have ReLUs whatever the activation is: small steps, and the best of a few
  // (specification 11.1).
  double best = 1;
  for (double h : {1e-7, 1e-8, 1e-9})
    best = std::min(best, std::abs((value(h) - value(-h)) / (2 * h) - analytic) / std::abs(analytic));
  return best;
}

}  // namespace

TEST_CASE(
    "the reverse of a step agrees with central differences, for every activation and both kinds of V "
    "update") {
  for (bool identical : {true, false})
    for (Activation act :
         {Activation::tanh, Activation::sigmoid, Activation::elu, Activation::softplus, Activation::swish,
          Activation::identity, Activation::relu, Activation::leaky_relu}) {
      CAPTURE(to_string(act));
      CHECK(worst_of_reverse(example<double>(act, identical)) < 1e-4);
    }
}

TEST_CASE("the reverse of a step agrees with central differences where the batch is mostly ends") {
  for (std::int64_t batch : {2, 3, 4})
    for (bool identical : {true, false}) {
      CAPTURE(batch);
      CHECK(worst_of_reverse(example<double>(Activation::tanh, identical, {12, 10, 8}, batch)) < 1e-4);
    }
}

TEST_CASE("with the step activation the objective and both gradients stay finite") {
  const auto e = example<double>(Activation::step);
  InnerStep<double> step(e.rule, e.shape);
  const auto r = turn(step, e, std::vector<double>(e.phi.size(), 0.0));
  CHECK(std::isfinite(r.objective));
  for (double v : r.gradient) REQUIRE(std::isfinite(v));
  for (double v : r.adjoint) REQUIRE(std::isfinite(v));
}

TEST_CASE("turn recomputes the same phi and objective, bit for bit, as advance and score") {
  const auto e = example<float>();
  InnerStep<float> step(e.rule, e.shape);
  std::vector<float> next(e.phi.size());
  step.advance(e.theta, e.phi, e.x, next);
  const float objective = step.score(next, e.pairs());
  const auto r = turn(step, e, std::vector<float>(e.phi.size(), 0.0f));
  CHECK(std::memcmp(next.data(), r.next.data(), next.size() * sizeof(float)) == 0);
  CHECK(objective == r.objective);
}

TEST_CASE("kernels on 2 and 4 threads give the bits of 1, where arrays are cut into several tiles") {
  const auto e = example<float>(Activation::relu, true, {196, 72, 64, 32}, 64, 16);
  CHECK(autodiff::tile_count(64 * e.shape.batch * e.rule.H, autodiff::kTileElements) >
        1);  // hidden states of all layers but the top
  InnerStep<float> one(e.rule, e.shape, 1);
  const auto a = turn(one, e, std::vector<float>(e.phi.size(), 0.1f));
  for (int threads : {2, 4}) {
    InnerStep<float> many(e.rule, e.shape, threads);
    const auto b = turn(many, e, std::vector<float>(e.phi.size(), 0.1f));
    CHECK(std::memcmp(a.gradient.data(), b.gradient.data(), a.gradient.size() * sizeof(float)) == 0);
    CHECK(std::memcmp(a.adjoint.data(), b.adjoint.data(), a.adjoint.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("a turn in one piece and one in two halves write the same, whatever was in their outputs") {
  const auto e = example<double>();
  InnerStep<double> step(e.rule, e.shape);
  const std::vector<double> adjoint_next(e.phi.size(), 0.5);
  const auto r = turn(step, e, adjoint_next);
  const auto pairs = e.pairs();
  const StepInputs<double> in{e.theta, e.phi, e.x, pairs, adjoint_next};
  std::vector<double> next(e.phi.size(), 7.0), adjoint(e.phi.size(), 7.0), contribution(e.theta.size(), 7.0);
  CHECK(step.turn(in, next, adjoint, contribution) == r.objective);
  CHECK(next == r.next);
  CHECK(adjoint == r.adjoint);
  CHECK(contribution == r.gradient);
  std::vector<double> tape(step.record_size(), 7.0);
  for (auto* output : {&next, &adjoint, &contribution}) std::fill(output->begin(), output->end(), 7.0);
  CHECK(step.record({e.theta, e.phi, e.x, pairs}, next, tape) == r.objective);
  step.reverse({e.theta, {}, e.x, pairs, adjoint_next}, tape, adjoint, contribution);
  CHECK(next == r.next);
  CHECK(adjoint == r.adjoint);
  CHECK(contribution == r.gradient);
}

TEST_CASE("outputs that overlap an input or each other are refused, and nothing is written") {
  const auto e = example<float>();
  InnerStep<float> step(e.rule, e.shape);
  const auto pairs = e.pairs();
  std::vector<float> phi = e.phi, adjoint(e.phi.size(), 0.5f), other(e.phi.size(), 0.5f),
                     contribution(e.theta.size(), 0.5f), tape(step.record_size(), 0.5f);
  const StepInputs<float> in{e.theta, phi, e.x, pairs, adjoint};
  CHECK_THROWS_WITH_AS(
      step.turn(in, other, adjoint, contribution),
      "[inner step] the adjoint of phi_t overlaps the adjoint of phi_{t+1}; give it separate memory",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(step.turn(in, other, other, contribution),
                       doctest::Contains("the adjoint of phi_t overlaps phi_{t+1}"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(step.turn(in, phi, other, contribution), doctest::Contains("phi_{t+1} overlaps phi;"),
                       std::invalid_argument);
  CHECK_THROWS_AS(step.record(in, phi, tape), std::invalid_argument);
  CHECK_THROWS_AS(step.reverse(in, tape, adjoint, contribution), std::invalid_argument);
  CHECK_THROWS_AS(step.reverse(in, tape, std::span(tape).first(phi.size()), contribution),
                  std::invalid_argument);
  CHECK_THROWS_AS(step.advance(e.theta, phi, e.x, phi), std::invalid_argument);
  CHECK(phi == e.phi);
  for (const auto* untouched : {&adjoint, &other, &contribution, &tape})
    CHECK(std::all_of(untouched->begin(), untouched->end(), [](float v) { return v == 0.5f; }));
}

TEST_CASE("the arena's predicted peak is what a turn touches") {
  const auto e = example<float>();
  InnerStep<float> step(e.rule, e.shape);
  turn(step, e, std::vector<float>(e.phi.size(), 0.0f));
  CHECK(step.predicted_peak_bytes() > 0);
  CHECK(step.predicted_peak_bytes() == step.high_water_bytes());
}

TEST_CASE("a number that is not finite is traced to the op that made it") {
  auto e = example<float>();
  InnerStep<float> step(e.rule, e.shape);
  const std::vector<float> zero(e.phi.size(), 0.0f);
  CHECK(step.first_non_finite({e.theta, e.phi, e.x, e.pairs(), zero}).empty());
  const float kept = e.phi[0];
  e.phi[0] = std::numeric_limits<float>::infinity();
  CHECK(!std::isfinite(turn(step, e, zero).objective));
  CHECK(step.first_non_finite({e.theta, e.phi, e.x, e.pairs(), zero})
            .starts_with("input 'W/1' is already not finite"));
  e.phi[0] = kept;
  for (float& v : e.x) v *= 1e30f;  // finite, but its variance is not
  const std::string op = step.first_non_finite({e.theta, e.phi, e.x, e.pairs(), zero});
  CHECK(op.find("recorded at") != std::string::npos);
  CHECK(op.find("in scope step") != std::string::npos);
}

TEST_CASE(
    "arrays of a wrong size, widths that don't fit theta and impossible shapes are refused with both "
    "numbers") {
  const auto e = example<float>();
  InnerStep<float> step(e.rule, e.shape);
  std::vector<float> next(e.phi.size());
  const std::vector<float> few(3);
  CHECK_THROWS_WITH_AS(step.advance(few, e.phi, e.x, next),
                       doctest::Contains("theta has 3 numbers, expected "), std::invalid_argument);
  StepShape other = e.shape;
  other.widths = {12, 10, 7};
  CHECK_THROWS_WITH_AS(InnerStep<float>(e.rule, other),
                       doctest::Contains("top width is 7, but theta has N_L = 8"), std::invalid_argument);
  StepShape lonely = e.shape;
  lonely.batch = 1;
  CHECK_THROWS_AS(InnerStep<float>(e.rule, lonely), std::invalid_argument);
}

TEST_CASE("a turn that is refused has written nothing") {
  const auto e = example<float>();
  InnerStep<float> step(e.rule, e.shape);
  const std::vector<float> adjoint_next(e.phi.size(), 0.5f);
  std::vector<float> adjoint(e.phi.size(), 0.5f), gradient(e.theta.size(), 0.5f), few(3, 0.5f);
  CHECK_THROWS_AS(step.turn({e.theta, e.phi, e.x, e.pairs(), adjoint_next}, few, adjoint, gradient),
                  std::invalid_argument);
  CHECK(adjoint == std::vector<float>(e.phi.size(), 0.5f));
  CHECK(gradient == std::vector<float>(e.theta.size(), 0.5f));
}

TEST_CASE("theta at the paper's sizes has the tensors and numbers of the specification") {
  const TensorList spec = theta_spec(RuleConfig{});
  CHECK(spec.tensors.size() == 72);
  CHECK(spec.size == 114670);
  REQUIRE(spec.find("forward/merge/w"));
  CHECK(spec.find("forward/merge/w")->shape == std::vector<std::int64_t>{12, 1});
  const auto theta = initial_theta(RuleConfig{}, 1);
  for (std::int64_t i = 0; i < 12; ++i)
    CHECK(theta[static_cast<std::size_t>(spec.find("forward/merge/w")->offset + i)] == 0.1f);
  CHECK(initial_theta(RuleConfig{}, 1) == theta);
  CHECK(initial_theta(RuleConfig{}, 2) != theta);
}

TEST_CASE("initial phi: W and V within 0.02, drawn apart, b within 0.2, a function of seed and stream") {
  const std::vector<std::int64_t> widths{20, 10, 5};
  const TensorList spec = phi_spec(widths);
  const auto phi = initial_phi(widths, 1, 2);
  CHECK(spec.size == 2 * (200 + 50) + 15);
  for (const TensorSpec& t : spec.tensors)
    for (std::int64_t i = 0; i < t.size(); ++i)
      REQUIRE(std::abs(phi[static_cast<std::size_t>(t.offset + i)]) <= (t.name[0] == 'b' ? 0.2f : 0.02f));
  CHECK(phi[0] != phi[static_cast<std::size_t>(spec.find("V/1")->offset)]);
  CHECK(initial_phi(widths, 1, 2) == phi);
  CHECK(initial_phi(widths, 1, 3) != phi);
}

TEST_CASE(
    "targets are centred over all entries and have rows of unit length; accuracy counts a row that is not a "
    "number as wrong") {
  const std::vector<std::int32_t> labels{0, 2, 1, 2};
  std::vector<double> y(12);
  standardise_targets<double>(labels, 3, y);
  double sum = 0, squares = 0;
  for (double v : y) sum += v, squares += v * v;
  CHECK(sum == doctest::Approx(0));
  CHECK(squares / 4 == doctest::Approx(1));
  CHECK(y[5] > y[3]);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> predictions{3, 1, 2, 0, 0, 1, nan, nan, nan, 1, 2, 0};
  CHECK(accuracy<float>(predictions, labels) == 0.5);
  CHECK_THROWS_AS(accuracy<float>(predictions, {}), std::invalid_argument);
  CHECK_THROWS_AS(accuracy<float>(predictions, std::vector<std::int32_t>(5)), std::invalid_argument);
}

TEST_CASE("activations are known by name, and an unknown name lists them") {
  for (const char* name :
       {"relu", "tanh", "sigmoid", "elu", "softplus", "leaky_relu", "swish", "identity", "step"})
    CHECK(to_string(activation_from(name)) == name);
  CHECK_THROWS_WITH_AS(activation_from("gelu"), doctest::Contains("leaky_relu"), std::invalid_argument);
}
