#include "metalearn/baselines/method_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"

namespace metalearn {
namespace {

struct Entry {
  std::string name;
  Method (*make)() = nullptr;
  std::string rule = {};  ///< what config.rule.rule of a theta must be, of a trained rule
};

/// THE table: every method once, in the order of tables. Those without a maker are trained rules.
const std::vector<Entry>& table() {
  static const std::vector<Entry> all = {
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
      {"synaptic", nullptr, "synaptic"},
      {"learned", nullptr, "metz"},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& entry : table()) all.push_back(entry.name);
    return all;
  }();
  return names;
}

std::string method_name(const std::string& rule) {
  const auto entry =
      std::find_if(table().begin(), table().end(), [&](const Entry& e) { return !e.make && e.rule == rule; });
  return entry == table().end() ? rule : entry->name;
}

std::vector<Method> make_methods(const std::vector<std::string>& names, const std::vector<Rule>& rules,
                                 std::vector<std::string>& left_out) {
  const auto asked = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const auto& name : names)
    if (name != "all" &&
        std::find(method_names().begin(), method_names().end(), name) == method_names().end())
      throw checkpoints::UsageError(fmt::format("--methods: unknown method '{}'{}; known: all, {}", name,
                                                did_you_mean(name, method_names()),
                                                fmt::join(method_names(), ", ")));
  if (names.empty())
    throw checkpoints::UsageError(
        fmt::format("--methods: no method named; known: all, {}", fmt::join(method_names(), ", ")));
  std::vector<Method> methods;
  for (const Entry& entry : table()) {
    if (!asked(entry.name) && !asked("all")) continue;
    if (entry.make) {
      methods.push_back(entry.make());
      continue;
    }
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const Rule& r) { return r.config.rule.rule == entry.rule; });
    if (rule != rules.end())
      methods.push_back(learned_method(rule->config, rule->theta, rule->mark));
    else if (asked(entry.name))
      throw checkpoints::UsageError(fmt::format(
          "--methods: {} needs a trained rule; give --theta FILE|RUN of rule {}", entry.name, entry.rule));
    else
      left_out.push_back(entry.name);
  }
  return methods;
}

}  // namespace metalearn
