#include "metalearn/config/config_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "checkpoints/error.hpp"
#include "metalearn/base/nearest.hpp"

namespace metalearn {

std::string ConfigKey::text(const Config& config) const {
  return std::visit([](const auto& v) { return fmt::format("{}", v); }, value(config));
}

const ConfigKey* find_key(const std::string& name) {
  const auto& keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

const ConfigKey& config_key(const std::string& name) {
  if (const auto* found = find_key(name)) return *found;
  std::vector<std::string> names;
  for (const auto& key : config_keys()) names.push_back(key.name);
  throw checkpoints::UsageError(fmt::format("unknown key '{}'{}", name, did_you_mean(name, names)));
}

std::vector<std::reference_wrapper<const ConfigKey>> keys_where(
    const std::function<bool(const ConfigKey&)>& property) {
  std::vector<std::reference_wrapper<const ConfigKey>> found;
  for (const auto& key : config_keys())
    if (property(key)) found.emplace_back(key);
  return found;
}

}  // namespace metalearn
