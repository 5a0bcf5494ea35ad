#include "metalearn/windows/antithetic_es.hpp"

#include <utility>
#include <vector>

#include "metalearn/base/finite.hpp"
#include "metalearn/steps/inner_segment.hpp"
#include "metalearn/windows/antithetic_pairs.hpp"

namespace metalearn {

GradientEstimate AntitheticES::estimate(std::span<const float> theta, InFlight& task, std::int64_t,
                                        const Stop& stop) {
  const std::int64_t k = window_length(config_, task);
  const AntitheticPairs pairs(config_, theta, task);
  std::vector<Particle> particles;
  for (std::size_t p = 0; p < 2 * pairs.count(); ++p) particles.push_back({pairs.theta(p), task.phi});
  particles.push_back({theta, task.phi});
  try {
    steps_.run(task.task, task.age, k, particles, stop);
  } catch (const NotFinite& e) {
    return GradientEstimate::failed(e.step, e.what(), e.op);
  }
  GradientEstimate result;
  result.gradient = pairs.gradient(particles, pairs.eps());
  if (!all_finite(result.gradient))
    return GradientEstimate::failed(
        task.age, "the gradient, " + first_not_finite(theta_spec(config_.rule), result.gradient));
  result.steps = k;
  Particle& carried = particles.back();
  result.objective_first = carried.objective_first;
  result.objective_last = carried.objective_last;
  task.phi = std::move(carried.phi);
  task.age += k;
  return result;
}

}  // namespace metalearn
