#include "metalearn/rules/update_rule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

namespace metalearn {

extern const UpdateRuleKind kMetz, kSynaptic;

std::span<const UpdateRuleKind* const> update_rules() {
  static constexpr const UpdateRuleKind* kRules[] = {&kMetz, &kSynaptic};
  return kRules;
}

const std::vector<std::string>& update_rule_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const UpdateRuleKind* kind : update_rules()) all.emplace_back(kind->name);
    return all;
  }();
  return names;
}

const UpdateRuleKind* find_update_rule(const std::string& name) {
  const auto all = update_rules();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const UpdateRuleKind* kind) { return kind->name == name; });
  return found == all.end() ? nullptr : *found;
}

std::unique_ptr<UpdateRule> make_update_rule(const RuleConfig& config) {
  if (const UpdateRuleKind* kind = find_update_rule(config.rule)) return kind->make(config);
  throw std::invalid_argument(
      fmt::format("unknown update rule '{}'; known: {}", config.rule, fmt::join(update_rule_names(), ", ")));
}

TensorList theta_spec(const RuleConfig& config) { return make_update_rule(config)->theta_spec(); }
std::vector<float> initial_theta(const RuleConfig& config, std::uint64_t seed) {
  return make_update_rule(config)->initial_theta(seed);
}

}  // namespace metalearn
