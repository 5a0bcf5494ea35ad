#include "metalearn/baselines/method_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "checkpoints/error.hpp"
#include "metalearn/nearest.hpp"

namespace metalearn {
namespace {

/// THE table: every method once, in the order of tables. Those without a maker are trained rules.
const std::vector<std::pair<std::string, Method (*)()>>& table() {
  static const std::vector<std::pair<std::string, Method (*)()>> all = {
      {"random", random_method},
      {"pixels", pixels_method},
      {"pca", [] { return pca_method(); }},
      {"pca_white", [] { return pca_method({.whiten = true}); }},
      {"kmeans", [] { return kmeans_method(); }},
      {"random_relu", [] { return random_relu_method(); }},
      {"supervised", [] { return supervised_method(); }},
      {"supervised_all", [] { return supervised_all_method(); }},
      {"vae", [] { return vae_method(); }},
      {"oja", [] { return oja_method(); }},
      {"synaptic", nullptr},
      {"learned", nullptr},
  };
  return all;
}

std::string rule_of(const std::string& method) { return method == "learned" ? "metz" : method; }

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, make] : table()) all.push_back(name);
    return all;
  }();
  return names;
}

std::vector<Method> make_methods(const std::vector<std::string>& names, const std::vector<Rule>& rules, std::vector<std::string>& left_out) {
  const auto asked = [&](const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  for (const auto& name : names)
    if (name != "all" && std::find(method_names().begin(), method_names().end(), name) == method_names().end())
      throw checkpoints::UsageError(fmt::format("--methods: unknown method '{}'{}; known: all, {}", name, did_you_mean(name, method_names()), fmt::join(method_names(), ", ")));
  if (names.empty()) throw checkpoints::UsageError(fmt::format("--methods: no method named; known: all, {}", fmt::join(method_names(), ", ")));
  std::vector<Method> methods;
  for (const auto& [name, make] : table()) {
    if (!asked(name) && !asked("all")) continue;
    if (make) {
      methods.push_back(make());
      continue;
    }
    const auto rule = std::find_if(rules.begin(), rules.end(), [&, &wanted = name](const Rule& r) { return r.config.rule.rule == rule_of(wanted); });
    if (rule != rules.end()) methods.push_back(learned_method(rule->config, rule->theta));
    else if (asked(name)) throw checkpoints::UsageError(fmt::format("--methods: {} needs a trained rule; give --theta FILE|RUN of rule {}", name, rule_of(name)));
    else left_out.push_back(name);
  }
  return methods;
}

}  // namespace metalearn
