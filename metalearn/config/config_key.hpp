// ConfigKey: all facts about one configuration key: a row of the table of keys (config_keys.cpp).
//
// Whatever a command, a file or a check treats specially is a fact of the row, and code that needs it queries
// the table: keys_where(&ConfigKey::is_resumable). Rows never change; any thread may read them.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace metalearn {

struct Config;

/// A key's value with its type. Lists, and all that is not a number, a truth value or plain text, are kept as
/// written.
using KeyValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

/// Maps a folder to its replacement; nothing: the folder is removed.
using FolderMap = std::function<std::optional<std::string>(const std::string& folder)>;

struct ConfigKey {
  std::string name;
  std::string meaning;      ///< one line of help
  std::string range;        ///< the values that are allowed
  std::string placeholder;  ///< shown in place of a value in help
  std::string group = {};   ///< the heading that help prints it under

  bool is_repeatable = false;  ///< a list: its option is given once for each entry
  bool is_essential = false;   ///< -h shows it too, not only --help
  bool is_resumable =
      false;  ///< a resume may change it; for `data`, only the paths of the folders, not their contents
  bool keeps_bits = false;    ///< the bits of an update do not depend on it
  bool shapes_theta = false;  ///< theta's shapes depend on it: an evaluation may give only theta's own value
  bool is_free = false;       ///< an evaluation may use another value than the training
  bool is_exported = false;   ///< exported with a theta or phi as an array config/NAME
  bool is_common =
      false;  ///< shared by all methods of a comparison: it concerns the base model or the inputs
  bool is_of_loading = false;         ///< decides how data is converted while it is read
  bool is_of_held_out_tasks = false;  ///< an evaluation on held-out tasks may use another value

  /// Not empty: a rule works best with the value it was trained with, and another one gives a note. This is
  /// the value of the published code, assumed for a theta that does not state it.
  std::string published = {};
  /// Not empty: the key is a shorthand, which sets these keys and is not stored itself.
  std::vector<std::string> stands_for = {};
  /// Not empty: the integer key that this one must not exceed, in any run or in new runs.
  std::string at_most = {}, at_most_in_new_runs = {};

  /// Null for a shorthand.
  std::function<KeyValue(const Config&)> value = nullptr;
  /// Parses the text into a Config. Throws checkpoints::UsageError, which names key, text and range.
  std::function<void(const ConfigKey& self, Config&, const std::string& text)> assign = nullptr;
  /// Null if values hold no folders.
  std::function<void(Config&, const FolderMap&)> map_folders = nullptr;

  bool is_shorthand() const { return !stands_for.empty(); }
  bool is_trained_with() const { return !published.empty(); }
  bool holds_folders() const { return map_folders != nullptr; }
  void set(Config& config, const std::string& text) const { assign(*this, config, text); }
  /// The value in the form that set() takes.  REQUIRES not a shorthand.
  std::string text(const Config& config) const;
};

/// Every key once, in the order in which help prints them.
const std::vector<ConfigKey>& config_keys();
/// Null if there is no key of that name.
const ConfigKey* find_key(const std::string& name);
/// Throws checkpoints::UsageError, which names the nearest key, if there is no key of that name.
const ConfigKey& config_key(const std::string& name);

/// The keys that have a property, for example &ConfigKey::is_resumable, in the order of the table.
std::vector<std::reference_wrapper<const ConfigKey>> keys_where(
    const std::function<bool(const ConfigKey&)>& property);

}  // namespace metalearn
