#include "metalearn/outer/trained_theta.hpp"

#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/outer/run_state.hpp"

namespace metalearn {
namespace {

/// The best by the newest whole snapshot, if it is there and whole itself; otherwise that one.
std::string recommended(const std::string& directory, std::vector<std::string>& events) {
  const std::string newest = checkpoints::newest_whole_snapshot(directory, &events);
  const auto winner = best(validation_from(checkpoints::load_snapshot(newest)));
  if (!winner) return newest;
  const std::string chosen = checkpoints::snapshot_path(directory, winner->update);
  try {
    if (chosen != newest) checkpoints::load_snapshot(chosen);
    return chosen;
  } catch (const checkpoints::Error& e) {
    events.push_back(fmt::format("the best snapshot is lost ({}); using {} instead", e.what(), newest));
    return newest;
  }
}

}  // namespace

TrainedTheta load_trained_theta(const std::string& path, bool raw) {
  TrainedTheta t;
  t.file = checkpoints::posix_file_system().is_directory(path) == 1 ? recommended(path, t.events) : path;
  const checkpoints::Archive archive = checkpoints::load_snapshot(t.file);
  t.config = config_from(archive);
  t.update = archive.attribute<std::int64_t>("counters", "update");
  t.theta = theta_from(archive, raw ? "theta" : "theta_average", t.config.rule);
  t.label = raw ? "theta as trained" : "moving average";
  if (const auto winner = best(validation_from(archive)); winner && winner->update == t.update) t.mark = winner->point.mark;
  return t;
}

}  // namespace metalearn
