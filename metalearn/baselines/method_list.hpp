// MethodList: the methods by name.
#pragma once
#include <optional>

#include "metalearn/baselines/methods.hpp"

namespace metalearn {

/// A trained rule that can take part.
struct Rule {
  Config config;
  std::vector<float> theta;
  std::optional<std::int64_t> mark = {};  ///< evaluation step selected by meta-validation
};

/// All names, in the order of tables: the methods of method_list.cpp's table, then the update rules.
const std::vector<std::string>& method_names();
/// "  NAME  description" for each of them, for help.
std::string method_summaries();
/// The name of a meta-trained rule in tables, by its config.rule.rule (update_rule.hpp).
std::string method_name(const std::string& rule);

/// The methods asked for, in the order of method_names(); "all" means every one, except trained rules that
/// are not in `rules`, which are added to `left_out`. A trained rule needs an entry in `rules` with that
/// method_name(). Throws checkpoints::UsageError: an unknown name (with the nearest known one), no name, or a
/// method whose rule is missing.
std::vector<Method> make_methods(const std::vector<std::string>& names, const std::vector<Rule>& rules,
                                 std::vector<std::string>& left_out);

}  // namespace metalearn
