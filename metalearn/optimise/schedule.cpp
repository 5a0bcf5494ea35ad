#include "metalearn/optimise/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "metalearn/base/portable_math.hpp"
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {
namespace {

/// Share of the horizon that has passed, 0..1.
double passed(std::int64_t update, std::int64_t horizon) {
  return update >= horizon ? 1.0 : static_cast<double>(update) / static_cast<double>(horizon);
}

}  // namespace

double meta_rate(const Config& config, std::int64_t update) {
  const double cosine =
      0.5 * (1.0 + portable::sin_cos(std::numbers::pi * passed(update, config.decay_horizon)).second);
  const double rate = config.meta_rate_final + (config.meta_rate - config.meta_rate_final) * cosine;
  return rate * passed(update + 1, config.warmup);
}

std::vector<float> rate_scale(const Config& config) {
  const TensorList theta = theta_spec(config.rule);
  std::vector<float> scale(static_cast<std::size_t>(theta.size), 1.0f);
  for (const TensorSpec& t : theta.tensors)
    if (t.name.find("/merge/") != std::string::npos)
      std::fill_n(scale.begin() + t.offset, t.size(), static_cast<float>(config.merge_rate));
  return scale;
}

std::int64_t length_limit(const Config& config, std::int64_t update) {
  const double p = passed(update, config.length_horizon);
  const double limit = portable::exp((1.0 - p) * portable::log(static_cast<double>(config.length_start)) +
                                     p * portable::log(static_cast<double>(config.length_max)));
  return std::clamp(static_cast<std::int64_t>(std::llround(limit)), config.length_min, config.length_max);
}

}  // namespace metalearn
