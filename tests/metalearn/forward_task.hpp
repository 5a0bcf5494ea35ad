// What the tests of the estimators that only run forward share: the small rule on the small task, and the
// claims that hold of each of them.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "autodiff/parallel/parallel.hpp"
#include "autodiff/unroll/unroll.hpp"
#include "metalearn/analysis/gradient_measures.hpp"
#include "metalearn/rules/update_rule.hpp"
#include "small_task.hpp"

namespace outer_test {

/// About thirty numbers in theta.
inline Config synaptic_config() {
  Config c = small_config();
  c.rule.rule = "synaptic";
  return c;
}

inline InFlight begin(const Config& c, std::uint64_t id, std::int64_t length) {
  InFlight task = small_tasks(c)(id);
  task.length = length;
  return task;
}

inline double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  const std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end());
  return metalearn::cosine(x, y);
}

inline void append(std::vector<float>& all, const InFlight& task) {
  for (const auto* part : {&task.phi, &task.particles.phi, &task.particles.xi})
    all.insert(all.end(), part->begin(), part->end());
}

/// Gradients and states of six tasks, two windows each.
template <class Estimator>
std::vector<float> bits_of_windows(const Config& c, int threads, int kernel_threads) {
  const auto theta = initial_theta(c.rule, 1);
  Estimator estimator(c, kernel_threads);
  std::vector<InFlight> tasks;
  for (std::uint64_t id = 0; id < 6; ++id) tasks.push_back(begin(c, id, 20));
  std::vector<float> all;
  for (int window = 0; window < 2; ++window) {
    std::vector<GradientEstimate> estimates(tasks.size());
    autodiff::Parallel(threads).for_each(
        tasks.size(), [&](std::size_t i) { estimates[i] = estimator.estimate(theta, tasks[i], window); });
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      CHECK(estimates[i].finite);
      all.insert(all.end(), estimates[i].gradient.begin(), estimates[i].gradient.end());
      append(all, tasks[i]);
    }
  }
  return all;
}

inline bool same(const InFlight& a, const InFlight& b) {
  return a.age == b.age && a.phi == b.phi && a.particles.phi == b.particles.phi &&
         a.particles.xi == b.particles.xi;
}

/// Stops the second window at every chance.
template <class Estimator>
void stop_everywhere(Config c) {
  c.window_min = c.window_max = 3;
  const auto theta = initial_theta(c.rule, 1);
  Estimator estimator(c);
  InFlight start = begin(c, 2, 9);
  estimator.estimate(theta, start, 0);
  InFlight whole = start;
  const GradientEstimate expected = estimator.estimate(theta, whole, 1);
  int stops = 0;
  for (;; ++stops) {
    InFlight task = start;
    int asked = 0;
    try {
      estimator.estimate(theta, task, 1, [&] { return asked++ == stops; });
      break;
    } catch (const autodiff::UnrollStopped& e) {
      CHECK(e.lost.empty());
    }
    CHECK(same(task, start));
    CHECK(estimator.estimate(theta, task, 1).gradient == expected.gradient);
    CHECK(same(task, whole));
  }
  CHECK(stops >= 3 * 2 * c.es_pairs);  // before every step of every particle
}

/// A number that is not finite in the first window, and a state in the second that is so large that a step
/// leaves the range of float32.
template <class Estimator>
void fail_everywhere(Config c) {
  c.window_min = c.window_max = 3;
  const auto theta = initial_theta(c.rule, 1);
  Estimator estimator(c);
  const auto fails = [&](const InFlight& start) {
    InFlight task = start;
    const GradientEstimate e = estimator.estimate(theta, task, 0);
    CHECK_FALSE(e.finite);
    CHECK(e.failed_step == start.age);
    CHECK(e.failed_op.find("recorded at") != std::string::npos);
    CHECK(e.gradient.empty());
    CHECK(task.age == start.age);
    return e.failure;
  };
  InFlight nan = begin(c, 2, 9), large = nan;
  nan.age = 4;
  nan.phi[0] = std::nanf("");
  CHECK(fails(nan).starts_with("phi, "));
  CHECK_FALSE(estimator.advance(theta, nan, 2));

  estimator.estimate(theta, large, 0);
  REQUIRE(large.age == 3);
  auto& moved = large.particles.phi.empty() ? large.phi : large.particles.phi;
  moved.assign(moved.size(), std::numeric_limits<float>::max());
  const InFlight start = large;
  CHECK_FALSE(fails(large).empty());
  CHECK(same(large, start));
}

}  // namespace outer_test
