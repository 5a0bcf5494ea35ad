#include "tools/theta_file.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/outer/run_state.hpp"

namespace tools {

using checkpoints::NoInput;

std::string newest_snapshot(const std::string& directory) {
  const auto snapshots = checkpoints::list_snapshots(directory);
  if (snapshots.empty()) throw NoInput(fmt::format("{}: no snapshot in this folder; name a run directory or a snapshot file", directory));
  return snapshots.back().path;
}

std::string best_snapshot(const std::string& directory) {
  const std::string newest = newest_snapshot(directory);
  const auto archive = checkpoints::load_snapshot(newest);
  const auto* update = archive.find_attribute<std::int64_t>("validation", "best_update");
  if (!update) return newest;
  const std::string best = checkpoints::snapshot_path(directory, *update);
  return std::filesystem::exists(best) ? best : newest;
}

std::string resolve_snapshot(const std::string& word) {
  if (std::filesystem::is_directory(word)) return best_snapshot(word);
  if (!std::filesystem::exists(word)) throw NoInput(fmt::format("{}: no such file; name a snapshot (*.h5) or a run directory", word));
  return word;
}

ThetaFile load_theta(const std::string& word, bool raw) {
  ThetaFile file;
  file.path = resolve_snapshot(word);
  const auto archive = checkpoints::load_snapshot(file.path);
  file.config = metalearn::config_from(archive);
  file.update = archive.attribute<std::int64_t>("counters", "update");
  file.theta = metalearn::theta_from(archive, raw ? "theta" : "theta_average", file.config.rule);
  const auto* best_update = archive.find_attribute<std::int64_t>("validation", "best_update");
  if (best_update && *best_update == file.update) file.chosen_mark = archive.attribute<std::int64_t>("validation", "best_mark");
  return file;
}

}  // namespace tools
