// DiffLines: how differences between states are printed, as lines and as JSON. Functions without state.
#pragma once
#include <string>
#include <vector>

#include "metalearn/snapshots/state_diff.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/say.hpp"

namespace tools {

inline Json to_json(const metalearn::Difference& d) {
  Json json = {{"where", d.where}, {"a", d.a}, {"b", d.b}};
  if (!d.index.empty()) json["index"] = d.index;
  if (d.of > 0) json["differing"] = d.differing, json["of"] = d.of;
  return json;
}

inline Json to_json(const std::vector<metalearn::Difference>& differences) {
  Json json = Json::array();
  for (const auto& d : differences) json.push_back(to_json(d));
  return json;
}

/// One line each, at most ten.
inline void print_differences(const std::vector<metalearn::Difference>& differences) {
  constexpr std::size_t kLines = 10;
  for (std::size_t i = 0; i < differences.size() && i < kLines; ++i)
    say("{}\n", metalearn::to_text(differences[i]));
  if (differences.size() > kLines) say("... and {} more (--json lists all)\n", differences.size() - kLines);
}

}  // namespace tools
