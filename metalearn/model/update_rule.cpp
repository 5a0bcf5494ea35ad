#include "metalearn/model/update_rule.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "metalearn/model/update_rules/metz.hpp"

namespace metalearn {

std::unique_ptr<UpdateRule> make_update_rule(const RuleConfig& config) {
  if (config.rule == "metz") return std::make_unique<MetzRule>(config);
  throw std::invalid_argument(fmt::format("unknown update rule '{}'; known: metz", config.rule));
}

TensorList theta_spec(const RuleConfig& config) { return make_update_rule(config)->theta_spec(); }
std::vector<float> initial_theta(const RuleConfig& config, std::uint64_t seed) { return make_update_rule(config)->initial_theta(seed); }

}  // namespace metalearn
