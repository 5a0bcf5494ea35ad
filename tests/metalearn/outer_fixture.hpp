// What the tests of the outer loop share: a folder that goes away, a tiny configuration, and a learning
// problem of a few numbers in the model's place.
#pragma once
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>

#include "metalearn/train/trainer_parts.hpp"
#include "tests/support/folder.hpp"

namespace outer_test {

using namespace metalearn;
using Folder = support::TextFolder;

inline std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The smallest rule, short lengths, no validation.
inline Config tiny_config() {
  Config c = Config::from_preset("small");
  c.data = {"toy"};
  c.rule.H = c.rule.S = 4;
  c.rule.D = c.rule.G = 2;
  c.rule.N_L = 4;
  c.task.representation = 4;
  c.batch = 8;
  c.tasks = 3;
  c.in_flight = 7;
  c.window_min = 1;
  c.window_max = 4;
  c.length_min = 4;
  c.length_start = 6;
  c.length_max = 20;
  c.length_horizon = 30;
  c.warmup = 3;
  c.updates = 40;
  c.threads = 1;
  c.set("save-every", "1000");
  c.validate_every = 0;
  return c;
}

/// J = mean of (theta - c)^2 / 2 with a c near 1 of each task's own; phi drifts after theta. Tasks listed as
/// bad turn non-finite at age 2 and after.
class Toy final : public GradientEstimator {
 public:
  Toy(Config config, std::set<std::uint64_t> bad, bool admits)
      : config_(std::move(config)), bad_(std::move(bad)), admits_(admits) {}

  GradientEstimate estimate(std::span<const float> theta, InFlight& task, std::int64_t,
                            const Stop&) override {
    GradientEstimate e;
    e.steps = window_length(config_, task);
    double sum = 0;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double c = 1 + 0.2 * std::sin(static_cast<double>(task.id + 1) * static_cast<double>(i + 1)) +
                       0.1 * task.phi[i % task.phi.size()];
      const double distance = theta[i] - c;
      e.gradient.push_back(static_cast<float>(distance));
      sum += distance * distance / 2;
    }
    e.objective_first = e.objective_last = sum / static_cast<double>(theta.size());
    if (bad_.contains(task.id) && task.age + e.steps > 2) {
      e.gradient.back() = std::numeric_limits<float>::quiet_NaN();
      if (admits_) {
        e.finite = false;
        e.failed_step = task.age;
        e.failure = "the objective";
      }
    }
    advance(theta, task, e.steps);
    return e;
  }

  bool advance(std::span<const float> theta, InFlight& task, std::int64_t steps) override {
    for (std::int64_t s = 0; s < steps; ++s)
      for (std::size_t j = 0; j < task.phi.size(); ++j) task.phi[j] += 0.1f * (theta[j] - task.phi[j]);
    task.age += steps;
    return true;
  }

 private:
  Config config_;
  std::set<std::uint64_t> bad_;
  bool admits_;
};

/// Parts made of the toy. Families a and b take turns.
inline PartsMaker toy_parts(std::set<std::uint64_t> bad = {}, bool admits = true) {
  return [bad, admits](const Config& config) {
    TrainerParts p;
    p.families = {"a", "b"};
    p.provenance = {"toy: two families"};
    p.estimator = std::make_unique<Toy>(config, bad, admits);
    p.make_task = [](std::uint64_t id) {
      return InFlight{
          id, Task(nullptr), id % 2 ? "b" : "a", 0, 0, std::vector<float>(3, 0.01f * static_cast<float>(id))};
    };
    p.validate = [](const std::vector<float>& theta, const Stop&) {
      double sum = 0;
      for (float x : theta) sum += x;
      return std::vector<ValidationPoint>{{0, 1.5, 0.4}, {10, 1.2, 0.5 + 0.1 * std::sin(100 * sum)}};
    };
    return p;
  };
}

}  // namespace outer_test
