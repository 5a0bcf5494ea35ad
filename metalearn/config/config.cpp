#include "metalearn/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "checkpoints/archive.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/config/config_key.hpp"

namespace metalearn {
namespace {

using checkpoints::UsageError;

/// Two whole-numbered keys that must be in order.
struct Pair {
  const ConfigKey &low, &high;
  std::int64_t low_in(const Config& c) const { return std::get<std::int64_t>(low.value(c)); }
  std::int64_t high_in(const Config& c) const { return std::get<std::int64_t>(high.value(c)); }
};

/// limit: ConfigKey::at_most or at_most_in_new_runs.
std::vector<Pair> pairs_in_order(std::string ConfigKey::*limit) {
  std::vector<Pair> pairs;
  for (const ConfigKey& low : config_keys())
    if (!(low.*limit).empty()) pairs.push_back({low, config_key(low.*limit)});
  return pairs;
}

void require_order(const Config& config, std::string ConfigKey::*limit) {
  for (const Pair& pair : pairs_in_order(limit)) {
    const auto& [low, high] = pair;
    if (pair.low_in(config) > pair.high_in(config))
      throw UsageError(fmt::format("{} = {} is larger than {} = {}; raise {} or lower {}", low.name,
                                   pair.low_in(config), high.name, pair.high_in(config), high.name,
                                   low.name));
  }
}

/// If only one key of a pair is in `given`, the other follows it.
void put_in_order(Config& config, std::string ConfigKey::*limit, const std::set<std::string>& given) {
  for (const Pair& pair : pairs_in_order(limit)) {
    const auto& [low, high] = pair;
    const bool low_leads = given.contains(low.name);
    if (pair.low_in(config) <= pair.high_in(config) || low_leads == given.contains(high.name)) continue;
    const ConfigKey &leader = low_leads ? low : high, &follower = low_leads ? high : low;
    follower.set(config, leader.text(config));
  }
}

}  // namespace

std::map<std::string, std::string> Config::to_map() const {
  std::map<std::string, std::string> values;
  for (const ConfigKey& key : config_keys())
    if (!key.is_shorthand()) values[key.name] = key.text(*this);
  return values;
}

void Config::set(const std::string& key, const std::string& value) {
  // The value is written to snapshots and config.json, whose texts are UTF-8.
  if (!value.empty() && !checkpoints::is_proper_name(value))
    throw UsageError(
        fmt::format("{}: the value is not UTF-8 text, or has control characters; rename the folder", key));
  config_key(key).set(*this, value);
}

void Config::settle(const std::set<std::string>& given, const std::set<std::string>& before) {
  if (given.contains("tasks") && !given.contains("in-flight") && !before.contains("in-flight"))
    in_flight = std::min<std::int64_t>(4 * tasks, 100000);
  put_in_order(*this, &ConfigKey::at_most, given);
  put_in_order(*this, &ConfigKey::at_most_in_new_runs, given);
  if (!given.contains("length-start") && length_min <= length_max)
    length_start = std::clamp(length_start, length_min, length_max);
}

void Config::check_new() const {
  // First, as settle() may have made a window follow a length.
  require_order(*this, &ConfigKey::at_most_in_new_runs);
  check();
}

void Config::check() const {
  if (data.empty()) throw UsageError("no data to train on; give --data glyph, or --data NAME=DIR");
  require_order(*this, &ConfigKey::at_most);
  if (estimator != "windowed" && memory > 0)
    throw UsageError(
        fmt::format("memory is a budget for back-propagation, but estimator = {} keeps no states; remove "
                    "memory (memory = 0)",
                    estimator));
  if (estimator != "windowed" && telemetry)
    throw UsageError(
        fmt::format("telemetry records back-propagation, but estimator = {} has no adjoints; remove "
                    "telemetry (telemetry = false)",
                    estimator));
  if ((disk > 0) != !disk_dir.empty())
    throw UsageError("disk and disk-dir must be given together: how many bytes, and in which folder");
  if (disk > 0 && memory == 0)
    throw UsageError(
        "disk is for states that do not fit in memory, but memory = 0; give a memory budget too");
  if (length_start < length_min || length_start > length_max)
    throw UsageError(
        fmt::format("length-start = {} is out of range (allowed: length-min .. length-max, {} .. {})",
                    length_start, length_min, length_max));
}

Config Config::from_map(const std::map<std::string, std::string>& values) {
  Config c;
  for (const auto& [key, value] : values) c.set(key, value);
  return c;
}

}  // namespace metalearn
