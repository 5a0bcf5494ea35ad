#include "metalearn/outer/trained_theta.hpp"

#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/outer/run_state.hpp"

namespace metalearn {
namespace {

/// The best by the newest whole snapshot, if it is there and whole itself; otherwise that one.
checkpoints::Archive recommended(const std::string& directory, std::vector<std::string>& events) {
  auto newest = checkpoints::newest_whole_snapshot(directory);
  events.insert(events.end(), newest.notes.begin(), newest.notes.end());
  const auto winner = best(validation_from(newest.archive));
  if (!winner || winner->update == newest.snapshot.update) return std::move(newest.archive);
  try {
    return checkpoints::load_snapshot(checkpoints::snapshot_path(directory, winner->update));
  } catch (const checkpoints::Error& e) {
    events.push_back(fmt::format("the best snapshot is lost ({}); using {} instead", e.what(), newest.snapshot.path));
    return std::move(newest.archive);
  }
}

}  // namespace

TrainedTheta load_trained_theta(const std::string& path, bool raw) {
  TrainedTheta t;
  const bool is_run = checkpoints::posix_file_system().is_directory(path) == 1;
  const checkpoints::Archive archive = is_run ? recommended(path, t.events) : checkpoints::load_snapshot(path);
  t.file = archive.name();
  t.config = config_from(archive);
  t.update = archive.attribute<std::int64_t>("counters", "update");
  t.theta = theta_from(archive, raw ? "theta" : "theta_average", t.config.rule);
  t.label = raw ? "theta as trained" : "moving average";
  if (const auto winner = best(validation_from(archive)); winner && winner->update == t.update) t.mark = winner->point.mark;
  return t;
}

}  // namespace metalearn
