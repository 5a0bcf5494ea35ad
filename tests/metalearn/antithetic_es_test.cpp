#include "metalearn/windows/antithetic_es.hpp"

#include <doctest/doctest.h>

#include "autodiff/parallel/parallel.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "forward_task.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/windows/antithetic_pairs.hpp"
#include "metalearn/windows/windowed.hpp"

using namespace outer_test;

TEST_CASE(
    "with many pairs and a small sigma the estimate is the back-propagated gradient, in length and "
    "direction, but for the noise that so many pairs have") {
  Config c = synaptic_config();
  c.window_min = c.window_max = 3;
  c.es_pairs = 1000;
  c.es_sigma = 1e-3;
  const auto theta = initial_theta(c.rule, 1);
  InFlight exact_task = begin(c, 2, 9), task = exact_task;
  Windowed(c).estimate(theta, exact_task, 0);
  AntitheticES es(c);
  es.estimate(theta, task, 0);
  const GradientEstimate exact = Windowed(c).estimate(theta, exact_task, 1),
                         e = es.estimate(theta, task, 1);  // a later window, from a carried phi
  REQUIRE(e.finite);
  // Of g.eps eps averaged over N pairs, the part across g has length |g| sqrt((d - 1) / N): 0.17 |g| here.
  const auto d = static_cast<double>(theta.size()), n = static_cast<double>(c.es_pairs);
  const double noise = std::sqrt((d - 1) / n);
  INFO(theta.size(), " numbers, cosine ", cosine(e.gradient, exact.gradient), " length ",
       norm(e.gradient) / norm(exact.gradient));
  CHECK(cosine(e.gradient, exact.gradient) > 1 / std::sqrt(1 + 2 * noise * noise));
  CHECK(std::abs(norm(e.gradient) / norm(exact.gradient) - 1) < 0.15);
  CHECK(e.steps == 3);
}

TEST_CASE("phi goes on, and the objectives are, as under theta without perturbations") {
  Config c = synaptic_config();
  const auto theta = initial_theta(c.rule, 1);
  InFlight task = begin(c, 3, 12), plain = task;
  AntitheticES es(c);
  Windowed windowed(c);
  int windows = 0;
  for (; task.age < task.length; ++windows) {
    InFlight before = task;
    const GradientEstimate e = es.estimate(theta, task, windows),
                           expected = windowed.estimate(theta, before, windows);
    REQUIRE(e.finite);
    CHECK(e.steps == expected.steps);
    CHECK(e.objective_first == doctest::Approx(expected.objective_first).epsilon(1e-5));
    CHECK(e.objective_last == doctest::Approx(expected.objective_last).epsilon(1e-5));
  }
  REQUIRE(windows > 1);
  REQUIRE(windowed.advance(theta, plain, 12));
  CHECK(task.age == 12);
  CHECK(task.phi == plain.phi);
  CHECK(task.particles.phi.empty());
}

TEST_CASE(
    "pairs are of opposite sign, new with every window, task and seed, the same in every process, and have "
    "the deviation sigma") {
  Config c = synaptic_config();
  c.es_pairs = 50;
  c.es_sigma = 0.25;
  const auto theta = initial_theta(c.rule, 1);
  InFlight task = begin(c, 2, 9);
  const AntitheticPairs pairs(c, theta, task);
  const auto eps = pairs.eps();
  double square = 0, sum = 0;
  for (std::size_t pair = 0; pair < pairs.count(); ++pair)
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const float e = eps[pair * theta.size() + i];
      CHECK(pairs.theta(2 * pair)[i] == theta[i] + e);
      CHECK(pairs.theta(2 * pair + 1)[i] == theta[i] - e);
      sum += e, square += static_cast<double>(e) * e;
    }
  const auto n = static_cast<double>(eps.size());
  CHECK(std::abs(sum / n) < 5 * c.es_sigma / std::sqrt(n));
  CHECK(std::sqrt(square / n) == doctest::Approx(c.es_sigma).epsilon(0.1));

  const auto drawn = [&](const Config& config, const InFlight& of) {
    const AntitheticPairs again(config, theta, of);
    return std::vector<float>(again.eps().begin(), again.eps().end());
  };
  const std::vector<float> was(eps.begin(), eps.end());
  CHECK(drawn(c, task) == was);
  InFlight older = task, other = task;
  older.age = 1, other.id = 3;
  Config seeded = c, fewer = c;
  seeded.seed = 9;
  fewer.es_pairs = 10;
  CHECK(drawn(c, older) != was);
  CHECK(drawn(c, other) != was);
  CHECK(drawn(seeded, task) != was);
  CHECK(drawn(fewer, task) ==
        std::vector<float>(
            was.begin(), was.begin() + static_cast<std::ptrdiff_t>(
                                           10 * theta.size())));  // pairs don't depend on how many there are
}

TEST_CASE("particles of opposite sign that swap places turn the gradient round, and equal ones give none") {
  Config c = synaptic_config();
  c.es_pairs = 2;
  const auto theta = initial_theta(c.rule, 1);
  const AntitheticPairs pairs(c, theta, begin(c, 2, 9));
  const auto gradient = [&](std::vector<double> objectives) {
    std::vector<Particle> particles;
    for (const double J : objectives) particles.push_back({theta, {}, 0, 0, J});
    return pairs.gradient(particles, pairs.eps());
  };
  const auto g = gradient({1, 0.5, 2, 2.25}), turned = gradient({0.5, 1, 2.25, 2});
  for (std::size_t i = 0; i < g.size(); ++i) {
    CHECK(g[i] == -turned[i]);
    const double expected =
        (0.5 * pairs.eps()[i] - 0.25 * pairs.eps()[g.size() + i]) / (2 * 2 * c.es_sigma * c.es_sigma);
    CHECK(g[i] == doctest::Approx(expected).epsilon(1e-6));
  }
  CHECK(gradient({3, 3, 1, 1}) == std::vector<float>(theta.size(), 0.0f));
}

TEST_CASE(
    "evolution strategies: windows run by two threads at once, or with two threads inside, have the bits of "
    "one thread") {
  const Config c = synaptic_config();
  CHECK(bits_of_windows<AntitheticES>(c, 1, 1) == bits_of_windows<AntitheticES>(c, 2, 1));
  CHECK(bits_of_windows<AntitheticES>(c, 1, 1) == bits_of_windows<AntitheticES>(c, 1, 2));
}

TEST_CASE("evolution strategies: a window is stopped between any two steps, and the task is as it was") {
  stop_everywhere<AntitheticES>(synaptic_config());
}

TEST_CASE(
    "evolution strategies: a window that does not stay finite says at which step, and what, and where it "
    "began; the task is as it was") {
  fail_everywhere<AntitheticES>(synaptic_config());
}
