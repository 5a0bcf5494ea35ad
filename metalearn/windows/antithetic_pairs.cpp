#include "metalearn/windows/antithetic_pairs.hpp"

#include "metalearn/base/random.hpp"

namespace metalearn {

AntitheticPairs::AntitheticPairs(const Config& config, std::span<const float> theta, const InFlight& task)
    : size_(theta.size()),
      count_(static_cast<std::size_t>(config.es_pairs)),
      sigma_(config.es_sigma),
      eps_(count_ * size_),
      thetas_(2 * count_ * size_) {
  for (std::size_t pair = 0; pair < count_; ++pair) {
    Random random(config.seed, task.id, purpose("perturbation of theta"), task.age, pair);
    for (std::size_t i = 0; i < size_; ++i) {
      const float eps = eps_[pair * size_ + i] = static_cast<float>(sigma_ * random.normal());
      thetas_[2 * pair * size_ + i] = theta[i] + eps;
      thetas_[(2 * pair + 1) * size_ + i] = theta[i] - eps;
    }
  }
}

std::vector<float> AntitheticPairs::gradient(std::span<const Particle> particles,
                                             std::span<const float> directions) const {
  std::vector<double> sum(size_, 0.0);
  for (std::size_t pair = 0; pair < count_; ++pair) {
    const double difference = particles[2 * pair].objective_mean - particles[2 * pair + 1].objective_mean;
    for (std::size_t i = 0; i < size_; ++i) sum[i] += difference * directions[pair * size_ + i];
  }
  const double scale = 1 / (2 * static_cast<double>(count_) * sigma_ * sigma_);
  std::vector<float> gradient;
  for (const double s : sum) gradient.push_back(static_cast<float>(scale * s));
  return gradient;
}

}  // namespace metalearn
