#include "metalearn/train/opened_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "checkpoints/error.hpp"
#include "metalearn/base/word_list.hpp"
#include "metalearn/config/config_key.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "metalearn/train/run_folder.hpp"

namespace metalearn {
namespace {

/// The run's data sets, some at new paths.
std::vector<std::string> moved_data(std::vector<std::string> words,
                                    const std::vector<std::string>& elsewhere) {
  const auto name = [](const std::string& word) { return word.substr(0, word.find('=')); };
  for (const auto& word : elsewhere) {
    const auto place =
        std::find_if(words.begin(), words.end(), [&](const std::string& w) { return name(w) == name(word); });
    if (place == words.end())
      throw checkpoints::UsageError(fmt::format(
          "--data {}: the run has no data set of that name (it has {}); a resume can only change their paths",
          word, join_list(words)));
    *place = word;
  }
  return words;
}

/// The same bits need the same data.
void require_same_data(const std::string& directory, const std::vector<std::string>& before,
                       const std::vector<std::string>& now) {
  for (std::size_t i = 0; i < std::max(before.size(), now.size()); ++i) {
    const std::string was = i < before.size() ? before[i] : "nothing",
                      is = i < now.size() ? now[i] : "nothing";
    if (was != is)
      throw checkpoints::BadData(
          fmt::format("{}: the data has changed since the run began: it was '{}' and is now '{}'; restore "
                      "it, or start a new run",
                      directory, was, is));
  }
}

void change(Config& config, const ConfigChanges& changes) {
  for (const auto& [key, value] : changes) {
    if (const ConfigKey* known = find_key(key); known == nullptr || !known->is_resumable)
      throw std::invalid_argument(fmt::format("[resume] {} cannot be changed", key));
    config.set(key, key == "data" ? join_list(moved_data(config.data, split_list(value))) : value);
  }
  if (config.disk == 0 && !changes.contains("disk-dir")) config.disk_dir.clear();
  config.check();
}

}  // namespace

OpenedRun open_new(const Config& config, const std::string& directory, const PartsMaker& make,
                   checkpoints::FileSystem& files) {
  config.check_new();
  require_free(directory);
  TrainerParts parts = make(config);  // before any file is written
  auto run = checkpoints::RunDirectory::create(directory, files);
  require_free(directory);  // again: a run may have come and gone before we took the lock
  return {.config = config, .directory = std::move(run), .parts = std::move(parts), .from = {}, .events = {}};
}

OpenedRun open_again(const std::string& directory, const ConfigChanges& changes, const PartsMaker& make,
                     checkpoints::FileSystem& files) {
  auto run = checkpoints::RunDirectory::open(directory, files);
  auto found = checkpoints::newest_whole_snapshot(run.path(), files);
  const auto damaged = std::move(found.damaged);
  std::vector<Event> events;
  for (const auto& d : damaged)
    events.push_back({EventKind::snapshot, d.note + "; the damaged file was renamed to *.h5.damaged"});
  for (const auto& note : found.notes) events.push_back({EventKind::snapshot, note});
  RunSnapshot newest = run_snapshot(std::move(found));
  if (const std::string note = kernels_note(newest.archive); !note.empty())
    events.push_back({EventKind::kernels, note});
  Config config = newest.config;
  change(config, changes);
  std::optional<TrainerParts> parts;
  if (newest.generation < config.updates) {
    parts = make(config);
    require_same_data(directory, provenance_from(newest.archive), parts->provenance);
  }
  for (const auto& d : damaged) run.set_aside(d.snapshot);  // the run will write these updates again
  return {.config = std::move(config),
          .directory = std::move(run),
          .parts = std::move(parts),
          .from = std::move(newest.archive),
          .events = std::move(events)};
}

}  // namespace metalearn
