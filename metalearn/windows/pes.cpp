#include "metalearn/windows/pes.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "metalearn/base/finite.hpp"
#include "metalearn/steps/inner_segment.hpp"
#include "metalearn/windows/antithetic_pairs.hpp"

namespace metalearn {

GradientEstimate PES::estimate(std::span<const float> theta, InFlight& task, std::int64_t, const Stop& stop) {
  const std::int64_t k = window_length(config_, task);
  const AntitheticPairs pairs(config_, theta, task);
  const std::size_t count = 2 * pairs.count(), phi_size = task.phi.size();
  const bool is_first = task.particles.phi.empty();
  std::vector<Particle> particles;
  for (std::size_t p = 0; p < count; ++p) {
    const auto phi = is_first ? std::span<const float>(task.phi)
                              : std::span<const float>(task.particles.phi).subspan(p * phi_size, phi_size);
    particles.push_back({pairs.theta(p), {phi.begin(), phi.end()}});
  }
  try {
    steps_.run(task.task, task.age, k, particles, stop);
  } catch (const NotFinite& e) {
    return GradientEstimate::failed(e.step, e.what(), e.op);
  }
  const auto eps = pairs.eps();
  std::vector<float> xi(eps.begin(), eps.end());
  if (!is_first) std::transform(xi.begin(), xi.end(), task.particles.xi.begin(), xi.begin(), std::plus<>());

  GradientEstimate result;
  result.gradient = pairs.gradient(particles, xi);
  if (!all_finite(result.gradient))
    return GradientEstimate::failed(
        task.age, "the gradient, " + first_not_finite(theta_spec(config_.rule), result.gradient));
  result.steps = k;
  task.particles.xi = std::move(xi);
  task.particles.phi.clear();
  for (const Particle& p : particles) {
    result.objective_first += p.objective_first / static_cast<double>(count);
    result.objective_last += p.objective_last / static_cast<double>(count);
    task.particles.phi.insert(task.particles.phi.end(), p.phi.begin(), p.phi.end());
  }
  task.age += k;
  return result;
}

bool PES::advance(std::span<const float> theta, InFlight& task, std::int64_t steps) {
  if (!task.particles.phi.empty())
    throw std::invalid_argument(
        "[pes] cannot advance a task with particles without a gradient; advance it before its first window");
  return steps_.advance(theta, task, steps);
}

}  // namespace metalearn
