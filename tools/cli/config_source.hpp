// ConfigSource: a run's configuration from all sources that may set it.
//
// command line > environment (METALEARN_INNER_RATE) > file (--config) > preset. An unknown key in any of them
// is an error that names its place. If two keys contradict each other, the one from the stronger source wins;
// within one source this is an error.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>

#include "metalearn/config/config.hpp"
#include "tools/cli/options.hpp"

namespace tools {

/// Every configuration key as an option, with its default in the preset `small`.
std::vector<Option> config_options();

/// Sets a key from the option --key VALUE. Throws UsageError that starts with the option.
void set_option(metalearn::Config& config, const std::string& key, const std::string& value);

/// The absolute path of a folder; empty for an empty name.
std::string absolute_folder(const std::string& folder);

/// The keys that a resume may change, as options.
std::vector<Option> resume_options();
/// The values that a command line gives to these keys, with absolute folders. Throws UsageError.
std::map<std::string, std::string> resume_changes(const Arguments& arguments);

/// --data of a command that continues a run.
Option moved_data_option();
/// The value of --data, or --eval-data, of such a command (ConfigChanges), with absolute folders; nothing if
/// not given.
std::optional<std::string> named_data(const Arguments& arguments, const std::string& option);

/// The configuration from these arguments, the environment and the file they name (--config), checked. own:
/// the command's options that are not keys. File: lines `key = value` with # comments, or one JSON object.
/// Folders of data sets become absolute, so that a run can be resumed from anywhere. Throws
/// checkpoints::UsageError or NoInput.
metalearn::Config resolve_config(const Arguments& arguments, const std::set<std::string>& own = {});

}  // namespace tools
