#include "metalearn/train/run_folder.hpp"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checkpoints/error.hpp"
#include "checkpoints/file_system.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/records/run_file_list.hpp"

namespace metalearn {
namespace {

/// Nothing where something is there that can't be read.
std::optional<std::string> text_of(const std::string& path) {
  try {
    return checkpoints::read_text(checkpoints::posix_file_system(), path, checkpoints::Links::refused)
        .value_or("");
  } catch (const checkpoints::Error&) {
    return {};
  }
}

bool holds_snapshots(const std::string& directory) {
  try {
    return !checkpoints::list_snapshots(directory).empty();
  } catch (const checkpoints::NoInput&) {
    return false;
  }
}

/// A killed start may leave the header row only.
bool is_own_without_rows(const std::string& rows, const std::string& columns) {
  return rows.empty() || (rows.starts_with(columns) && rows.find('\n') >= rows.size() - 1);
}

/// Whether it is an object of configuration keys and values.
bool is_own_config(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.empty()) return text.empty();
  try {
    Config::from_map(json.get<std::map<std::string, std::string>>());
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

void require_free(const std::string& directory) {
  if (holds_snapshots(directory))
    throw checkpoints::UsageError(fmt::format(
        "{0}: already holds a run; resume it with `metalearn resume {0}`, or choose another directory",
        directory));
  const auto refuse = [&](const char* name) {
    throw checkpoints::UsageError(
        fmt::format("{}: holds a {} but no snapshots, and a new run would overwrite that file; move it away, "
                    "or choose another directory",
                    directory, name));
  };
  for (const RowsFileKind& file : rows_files()) {
    const auto text = text_of(directory + "/" + file.name);
    if (!text || !is_own_without_rows(*text, file.begin)) refuse(file.name.c_str());
  }
  if (const auto text = text_of(directory + "/config.json"); !text || !is_own_config(*text))
    refuse("config.json");
}

}  // namespace metalearn
