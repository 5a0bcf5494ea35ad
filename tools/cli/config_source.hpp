// ConfigSource: a run's configuration from everything that may say something about it.
//
// command line > environment (METALEARN_INNER_RATE) > file (--config) > preset. An unknown key in any of them
// is an error that says where it stands. Of two keys that contradict each other the one from the stronger
// source wins; in one source that is an error.
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

/// A folder's name from anywhere; empty for none.
std::string absolute_folder(const std::string& folder);

/// The keys that a resume may change, as options.
std::vector<Option> resume_options();
/// What a command line says to these keys, with absolute folders. Throws UsageError.
std::map<std::string, std::string> resume_changes(const Arguments& arguments);

/// --data of a command that goes on with a run.
Option moved_data_option();
/// What --data, or --eval-data, says to such a command (ConfigChanges), with absolute folders; nothing where
/// nothing was said.
std::optional<std::string> named_data(const Arguments& arguments, const std::string& option);

/// The configuration that these arguments, the environment and the file they name (--config) ask for;
/// checked. own: the command's options that are no keys. File: lines `key = value` with # comments, or one
/// JSON object. Folders of data sets become absolute, so that a run can be resumed from anywhere. Throws
/// checkpoints::UsageError or NoInput.
metalearn::Config resolve_config(const Arguments& arguments, const std::set<std::string>& own = {});

}  // namespace tools
