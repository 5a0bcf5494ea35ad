#include "metalearn/outer/trained_theta.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "checkpoints/snapshot_file.hpp"
#include "metalearn/outer/run_state.hpp"

namespace metalearn {
namespace {

std::string recommended(const std::string& directory) {
  const auto entries = checkpoints::list_snapshots(directory);
  if (entries.empty()) throw checkpoints::NoInput(fmt::format("{0}: holds no snapshots; train one with `metalearn train --run {0}`", directory));
  const auto winner = best(validation_from(checkpoints::load_snapshot(entries.back().path)));
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return winner && e.update == winner->update; });
  return found != entries.end() ? found->path : entries.back().path;
}

}  // namespace

TrainedTheta load_trained_theta(const std::string& path) {
  TrainedTheta t;
  t.file = checkpoints::posix_file_system().is_directory(path) == 1 ? recommended(path) : path;
  const checkpoints::Archive archive = checkpoints::load_snapshot(t.file);
  t.config = config_from(archive);
  t.update = archive.attribute<std::int64_t>("counters", "update");
  t.theta = theta_from(archive, "theta_average", t.config.rule);
  std::vector<Validated> here = validation_from(archive);
  std::erase_if(here, [&](const Validated& v) { return v.update != t.update; });
  if (const auto winner = best(here)) t.mark = winner->point.mark;
  return t;
}

}  // namespace metalearn
