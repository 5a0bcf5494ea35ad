#include "metalearn/baselines/method_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/rules/update_rule.hpp"

namespace metalearn {
namespace {

struct Entry {
  std::string name, summary;
  Method (*make)() = nullptr;
  std::string rule = {};  ///< of a trained rule: the required config.rule.rule of theta
};

/// THE table, in the order of tables of results. To add one: a file that defines its factory, and a row here.
constexpr Method (*kMakers[])() = {
    random_method,
    pixels_method,
    [] { return pca_method(); },
    [] { return pca_method({.whiten = true}); },
    [] { return kmeans_method(); },
    [] { return random_relu_method(); },
    [] { return supervised_method(); },
    [] { return supervised_all_method(); },
    [] { return vae_method(); },
    [] { return oja_method(); },
};

/// All of them and the trained rules: the default rule, first in its own table, is last here.
const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> list;
    for (const auto make : kMakers) {
      const Method method = make();
      list.push_back({method.name, method.summary, make});
    }
    const auto rules = update_rules();
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule)
      list.push_back({(*rule)->method, (*rule)->summary, nullptr, (*rule)->name});
    return list;
  }();
  return all;
}

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& entry : entries()) all.push_back(entry.name);
    return all;
  }();
  return names;
}

std::string method_summaries() {
  std::string lines;
  for (const Entry& entry : entries()) lines += fmt::format("  {:<15} {}\n", entry.name, entry.summary);
  return lines;
}

std::string method_name(const std::string& rule) {
  const UpdateRuleKind* kind = find_update_rule(rule);
  return kind ? kind->method : rule;
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
        fmt::format("--methods: no method given; known: all, {}", fmt::join(method_names(), ", ")));
  std::vector<Method> methods;
  for (const Entry& entry : entries()) {
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
