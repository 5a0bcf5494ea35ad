#include "metalearn/optimise/adam.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "metalearn/base/finite.hpp"

namespace metalearn {

double clip_norm(std::span<float> gradient, double limit) {
  const double length = norm(gradient);
  if (length > limit)
    for (float& g : gradient) g = static_cast<float>(g * (limit / length));
  return length;
}

void adam_step(const AdamOptions& o, double rate, std::span<const float> gradient, AdamState& state,
               std::span<float> theta, std::span<const float> scale) {
  const std::size_t n = theta.size();
  if (gradient.size() != n || state.m.size() != n || state.v.size() != n ||
      (!scale.empty() && scale.size() != n))
    throw std::invalid_argument(
        fmt::format("[adam] theta has {} numbers, the gradient {}, the moments {} and {}, the scale {}", n,
                    gradient.size(), state.m.size(), state.v.size(), scale.size()));
  ++state.steps;
  const double debias1 = 1.0 - std::pow(o.beta1, static_cast<double>(state.steps));
  const double debias2 = 1.0 - std::pow(o.beta2, static_cast<double>(state.steps));
  for (std::size_t i = 0; i < n; ++i) {
    const double g = gradient[i];
    const double m = o.beta1 * state.m[i] + (1.0 - o.beta1) * g;
    const double v = o.beta2 * state.v[i] + (1.0 - o.beta2) * g * g;
    state.m[i] = static_cast<float>(m);
    state.v[i] = static_cast<float>(v);
    theta[i] = static_cast<float>(theta[i] - (scale.empty() ? rate : rate * scale[i]) * (m / debias1) /
                                                 (std::sqrt(v / debias2) + o.epsilon));
  }
}

void average_theta(double decay, std::int64_t n, std::span<const float> theta, std::span<float> average) {
  if (average.size() != theta.size() || n < 1)
    throw std::invalid_argument(fmt::format("[average_theta] theta has {} numbers, its average {}; n is {}",
                                            theta.size(), average.size(), n));
  const double weight = (1.0 - decay) / (1.0 - std::pow(decay, static_cast<double>(n)));
  for (std::size_t i = 0; i < theta.size(); ++i)
    average[i] = static_cast<float>(average[i] + weight * (static_cast<double>(theta[i]) - average[i]));
}

}  // namespace metalearn
