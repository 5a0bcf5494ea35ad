#include "metalearn/windows/forward_steps.hpp"

#include <cmath>
#include <utility>

#include "autodiff/unroll/unroll.hpp"
#include "metalearn/base/finite.hpp"
#include "metalearn/steps/inner_segment.hpp"
#include "metalearn/steps/task_batches.hpp"

namespace metalearn {

StepCache::Lease ForwardSteps::borrow(const Task& task) {
  return steps_.borrow(training_shape(config_, task));
}

bool ForwardSteps::advance(std::span<const float> theta, InFlight& task, std::int64_t steps) {
  auto step = borrow(task.task);
  TaskBatches batches(task.task, step->shape());
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

void ForwardSteps::run(const Task& task, std::int64_t age, std::int64_t k, std::span<Particle> particles,
                       const Stop& stop) {
  auto step = borrow(task);
  TaskBatches batches(task, step->shape());
  std::vector<float> next(static_cast<std::size_t>(step->phi_size()));
  for (std::int64_t t = age; t < age + k; ++t) {
    const auto x = batches.unlabelled(t);
    const auto pairs = batches.labelled(t + 1);
    for (Particle& p : particles) {
      if (asked(stop)) throw autodiff::UnrollStopped("");
      const auto fail = [&](const std::string& what) {
        const std::vector<float> no_adjoint(next.size(), 0.0f);
        throw NotFinite(
            t, what,
            step->first_non_finite(
                {.theta = p.theta, .phi = p.phi, .x = x, .pairs = pairs, .adjoint_next = no_adjoint}));
      };
      step->advance(p.theta, p.phi, x, next);
      if (!all_finite(next)) fail("phi, " + first_not_finite(step->phi_list(), next));
      const float J = step->score(next, pairs);
      if (!std::isfinite(J)) fail("the objective");
      p.phi.swap(next);
      if (t == age) p.objective_first = J, p.objective_mean = 0;
      p.objective_last = J;
      p.objective_mean += J / static_cast<double>(k);
    }
  }
}

}  // namespace metalearn
