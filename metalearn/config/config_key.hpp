// ConfigKey: all that is true of one configuration key: a row of the table of keys (config_keys.cpp).
//
// What a command, a file or a check treats in a special way is a fact of the row, and the places that need it
// ask the table: keys_where(&ConfigKey::is_resumable). Rows never change; any thread may read them.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace metalearn {

struct Config;

/// A key's value with its type. Lists, and what is no number, truth value or text by itself, as they are
/// written.
using KeyValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

/// What a folder is to be called instead; nothing: it is left out.
using FolderMap = std::function<std::optional<std::string>(const std::string& folder)>;

struct ConfigKey {
  std::string name;
  std::string meaning;      ///< one line of help
  std::string range;        ///< the values that are allowed
  std::string placeholder;  ///< stands for a value in help
  std::string group = {};   ///< the heading that help prints it under

  bool is_repeatable = false;  ///< a list: its option is given once for each entry
  bool is_essential = false;   ///< -h shows it too, not only --help
  bool is_resumable = false;   ///< a resume may change it; of `data` only the folders, not what is in them
  bool keeps_bits = false;     ///< an update does the same whatever it is
  bool shapes_theta = false;   ///< theta's shapes depend on it: an evaluation may say it only as theta has it
  bool is_free = false;        ///< an evaluation may set it otherwise than the training
  bool is_exported = false;    ///< goes with a theta or phi as an array config/NAME
  bool is_common = false;      ///< all methods of a comparison share it, as it is of base model or inputs
  bool is_of_loading = false;  ///< decides what is made of data while it is read
  bool is_of_held_out_tasks = false;  ///< an evaluation on held-out tasks may set it otherwise

  /// Not empty: a rule learns to train with the value that it was trained with, and another is remarked upon.
  /// This is the one of the published code, for a theta that does not say.
  std::string published = {};
  /// Not empty: a shorthand, which sets these keys and is not kept itself.
  std::vector<std::string> stands_for = {};
  /// Not empty: the whole-numbered key that this one must not exceed, ever or in new runs.
  std::string at_most = {}, at_most_in_new_runs = {};

  /// Null for a shorthand.
  std::function<KeyValue(const Config&)> value = nullptr;
  /// Puts the text's value into a Config, or throws checkpoints::UsageError that names key, text and range.
  std::function<void(const ConfigKey& self, Config&, const std::string& text)> assign = nullptr;
  /// Null where values hold no folders.
  std::function<void(Config&, const FolderMap&)> map_folders = nullptr;

  bool is_shorthand() const { return !stands_for.empty(); }
  bool is_trained_with() const { return !published.empty(); }
  bool holds_folders() const { return map_folders != nullptr; }
  void set(Config& config, const std::string& text) const { assign(*this, config, text); }
  /// The value as set() takes it.  REQUIRES not a shorthand.
  std::string text(const Config& config) const;
};

/// Every key once, in the order in which help prints them.
const std::vector<ConfigKey>& config_keys();
/// Null where there is none of that name.
const ConfigKey* find_key(const std::string& name);
/// Throws checkpoints::UsageError that names the nearest key where there is none of that name.
const ConfigKey& config_key(const std::string& name);

/// Those that have a property, for example &ConfigKey::is_resumable, in the order of the table.
std::vector<std::reference_wrapper<const ConfigKey>> keys_where(
    const std::function<bool(const ConfigKey&)>& property);

}  // namespace metalearn
