#include "metalearn/rules/update_rule.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "metalearn/rules/metz.hpp"
#include "metalearn/rules/synaptic.hpp"

namespace metalearn {

std::unique_ptr<UpdateRule> make_update_rule(const RuleConfig& config) {
  if (config.rule == "metz") return std::make_unique<MetzRule>(config);
  if (config.rule == "synaptic") return std::make_unique<SynapticRule>(config);
  throw std::invalid_argument(fmt::format("unknown update rule '{}'; known: metz, synaptic", config.rule));
}

TensorList theta_spec(const RuleConfig& config) { return make_update_rule(config)->theta_spec(); }
std::vector<float> initial_theta(const RuleConfig& config, std::uint64_t seed) {
  return make_update_rule(config)->initial_theta(seed);
}

}  // namespace metalearn
