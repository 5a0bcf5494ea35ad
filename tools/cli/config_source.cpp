#include "tools/cli/config_source.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "metalearn/base/nearest.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/config_key.hpp"

namespace tools {
namespace {

using checkpoints::NoInput;
using checkpoints::UsageError;
using metalearn::Config;
using metalearn::ConfigKey;

/// A key, its value, and where it was given ("" for the command line).
struct Setting {
  std::string key, value, where;
};

const std::set<std::string> kReserved = {
    "METALEARN_ISA", "METALEARN_FULL"};  // read by the kernels and the tests, not configuration keys

constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // of a file; a configuration has some thousand
constexpr int kMaxDepth = 8;  // of lists and objects in a JSON file; a configuration needs 2

std::string trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// A # starts a comment at the start of a line or after a space, so that a folder's name may contain one.
std::string without_comment(const std::string& line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) return line.substr(0, i);
  return line;
}

std::string json_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> entries;
  for (const auto& v : value) entries.push_back(json_text(v));
  return metalearn::join_list(entries);
}

std::vector<Setting> settings_of_file(const std::string& path) {
  auto found = checkpoints::read_text(checkpoints::posix_file_system(), path, checkpoints::Links::followed,
                                      kMostBytes);
  if (!found) throw NoInput(fmt::format("{}: no such configuration file; check --config", path));
  std::string& text = *found;                              // may be empty: then it sets nothing
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);  // a byte order mark
  std::vector<Setting> settings;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '{') {
    bool is_shallow =
        true;  // deeper nesting is not a configuration, and json_text would recurse until the stack overflows
    const auto keep = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
      return is_shallow = is_shallow && depth <= kMaxDepth;
    };
    const auto object = nlohmann::json::parse(text, keep, false);
    if (!is_shallow || !object.is_object())
      throw UsageError(fmt::format(
          "{}: starts with '{{' but is not a JSON object; correct it or write lines 'key = value'", path));
    for (const auto& [key, value] : object.items()) settings.push_back({key, json_text(value), path});
    return settings;
  }
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::string statement = trim(without_comment(line));
    if (statement.empty()) continue;
    const std::string where = fmt::format("{}:{}", path, number);
    const auto equals = statement.find('=');
    if (equals == std::string::npos)
      throw UsageError(fmt::format("{}: expected 'key = value', found '{}'", where, statement));
    settings.push_back({trim(statement.substr(0, equals)), trim(statement.substr(equals + 1)), where});
  }
  return settings;
}

/// A key, or nearly one: a slip is refused. Others set variables of that prefix too, container platforms for
/// example (METALEARN_SERVICE_HOST, METALEARN_PORT) for a service of that name.
bool is_meant(const std::string& key) {
  const int slips = key.size() < 6 ? 1 : 2;
  const auto& keys = metalearn::config_keys();
  return std::any_of(keys.begin(), keys.end(), [&](const ConfigKey& known) {
    return metalearn::edit_distance(key, known.name) <= slips;
  });
}

std::vector<Setting> settings_of_environment() {
  std::vector<Setting> settings;
  const std::string prefix = "METALEARN_";
  for (char** variable = environ; *variable; ++variable) {
    const std::string text = *variable;
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (!name.starts_with(prefix) || kReserved.contains(name) || equals == std::string::npos) continue;
    std::string key = name.substr(prefix.size());
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
    if (is_meant(key)) settings.push_back({key, text.substr(equals + 1), name});
  }
  return settings;
}

std::vector<Setting> settings_of_command_line(const Arguments& arguments, const std::set<std::string>& own) {
  std::vector<Setting> settings;
  std::map<std::string, std::vector<std::string>> lists;  // keys that are given once per entry
  for (const auto& [name, value] : arguments.given) {
    if (const auto* key = metalearn::find_key(name); key && key->is_repeatable)
      lists[name].push_back(value);
    else if (name != "config" && !own.contains(name))
      settings.push_back({name, value, ""});
  }
  for (const auto& [name, entries] : lists) settings.push_back({name, metalearn::join_list(entries), ""});
  return settings;
}

/// Prefix of a message about a setting from this place.
std::string place(const std::string& where) { return where.empty() ? "--" : where + ": "; }

void apply(Config& config, const Setting& setting) {
  try {
    config.set(setting.key, setting.value);
  } catch (const UsageError& e) {
    throw UsageError(place(setting.where) + e.what());
  }
}

/// One source cannot give both a shorthand and the keys that it stands for.
void expand_shorthands(const std::vector<Setting>& source, std::set<std::string>& given) {
  for (const ConfigKey& key : metalearn::keys_where(&ConfigKey::is_shorthand)) {
    if (!given.contains(key.name)) continue;
    const std::set<std::string> meant(key.stands_for.begin(), key.stands_for.end());
    for (const auto& setting : source)
      if (meant.contains(setting.key))
        throw UsageError(
            fmt::format("{}{} = '{}' and {} contradict each other, as {} sets {}; leave one of them out",
                        place(setting.where), setting.key, setting.value, key.name, key.name,
                        fmt::join(key.stands_for, ", ")));
    given.insert(meant.begin(), meant.end());
  }
}

void make_folders_absolute(Config& config) {
  for (const ConfigKey& key : metalearn::keys_where(&ConfigKey::holds_folders))
    key.map_folders(config, absolute_folder);
}

}  // namespace

std::string absolute_folder(const std::string& folder) {
  return folder.empty() ? "" : std::filesystem::absolute(folder).lexically_normal().string();
}

void set_option(metalearn::Config& config, const std::string& key, const std::string& value) {
  apply(config, {key, value, ""});
}

std::vector<Option> config_options() {
  const Config defaults = Config::from_preset("small");
  std::vector<Option> options;
  for (const ConfigKey& key : metalearn::config_keys()) {
    const std::string fallback = key.is_shorthand() ? "" : key.text(defaults);
    options.push_back({.name = key.name,
                       .value = key.placeholder,
                       .meaning = fmt::format("{}; {}", key.meaning, key.range),
                       .fallback = fallback.empty() && !key.is_shorthand() ? "none" : fallback,
                       .repeatable = key.is_repeatable,
                       .essential = key.is_essential,
                       .group = key.group});
  }
  return options;
}

std::vector<Option> resume_options() {
  std::vector<Option> options = config_options();
  std::erase_if(options, [](const Option& o) { return !metalearn::config_key(o.name).is_resumable; });
  for (auto& option : options) {
    option.fallback = "as in the run";
    option.group.clear();
    if (option.name == "data") option = moved_data_option();
  }
  return options;
}

std::map<std::string, std::string> resume_changes(const Arguments& arguments) {
  Config scratch;
  std::map<std::string, std::string> changes;
  for (const ConfigKey& key : metalearn::keys_where(&ConfigKey::is_resumable)) {
    const auto value = arguments.find(key.name);
    if (!value) continue;
    if (key.is_repeatable) {
      changes[key.name] = *named_data(arguments, key.name);
      continue;
    }
    set_option(scratch, key.name, *value);
    if (key.holds_folders()) key.map_folders(scratch, absolute_folder);
    changes[key.name] = key.text(scratch);
  }
  return changes;
}

Option moved_data_option() {
  return {.name = "data",
          .value = "NAME=DIR",
          .meaning = "new folder of the run's data set NAME, if it was moved",
          .fallback = "the old folder",
          .repeatable = true};
}

std::optional<std::string> named_data(const Arguments& arguments, const std::string& option) {
  auto words = arguments.all(option);
  if (words.empty()) return {};
  for (auto& word : words)
    if (const auto equals = word.find('='); equals != std::string::npos)
      word = word.substr(0, equals + 1) + absolute_folder(word.substr(equals + 1));
  return metalearn::join_list(words);
}

metalearn::Config resolve_config(const Arguments& arguments, const std::set<std::string>& own) {
  std::vector<std::vector<Setting>> sources;  // weakest first
  if (const auto path = arguments.find("config")) sources.push_back(settings_of_file(*path));
  sources.push_back(settings_of_environment());
  sources.push_back(settings_of_command_line(arguments, own));

  Config preset_only;
  for (const auto& source : sources)
    for (const auto& setting : source)
      if (setting.key == "preset") apply(preset_only, setting);
  Config config = Config::from_preset(preset_only.preset);

  std::set<std::string> before;
  for (const auto& source : sources) {
    std::set<std::string> given;
    for (const auto& setting : source) {
      apply(config, setting);
      given.insert(setting.key);
    }
    expand_shorthands(source, given);
    config.settle(given, before);
    before.merge(given);
  }
  make_folders_absolute(config);
  config.check_new();
  return config;
}

}  // namespace tools
