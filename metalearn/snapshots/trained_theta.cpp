#include "metalearn/snapshots/trained_theta.hpp"

#include <fmt/format.h>

#include "checkpoints/error.hpp"
#include "checkpoints/run_directory.hpp"
#include "metalearn/snapshots/model_file.hpp"
#include "metalearn/snapshots/run_snapshot.hpp"
#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {
namespace {

constexpr const char* kAverage = "moving average";

/// The best snapshot according to the newest intact one, if it exists and is intact; otherwise the newest. A
/// run that is training may find a better one and remove this one: then try once more.
RunSnapshot recommended(const std::string& directory, std::vector<std::string>& events, bool again = true) {
  std::vector<std::string> notes;
  RunSnapshot newest = newest_run_snapshot(directory, &notes);
  const auto winner = best(validation_from(newest.archive));
  if (winner && winner->update != newest.generation) {
    try {
      newest = read_run_snapshot(checkpoints::snapshot_path(directory, winner->update),
                                 checkpoints::posix_file_system(), checkpoints::Links::refused);
    } catch (const checkpoints::Error& e) {
      if (again) return recommended(directory, events, false);
      notes.push_back(fmt::format("the best snapshot is missing or damaged ({}); using {} instead", e.what(),
                                  newest.path));
    }
  }
  events.insert(events.end(), notes.begin(), notes.end());
  return newest;
}

TrainedTheta from_model(ModelFile model, bool raw) {
  if (raw && (model.origin.label == kAverage || model.origin.label.starts_with(kMeanLabel)))
    throw checkpoints::UsageError(fmt::format(
        "--raw has no effect on {}, which holds only moving averages; leave it out, or name the run",
        model.file));
  if (model.theta.empty())
    throw checkpoints::BadData(fmt::format(
        "{}: holds a phi but no theta; name a run directory, one of its snapshots, or an imported theta",
        model.file));
  TrainedTheta t;
  t.file = model.file;
  t.config = model.config;
  t.theta = std::move(model.theta);
  t.update = model.origin.update;
  t.label = std::move(model.origin.label);
  t.mark = model.origin.mark;
  t.provenance = std::move(model.origin.provenance);
  return t;
}

TrainedTheta from_snapshot(const RunSnapshot& from, bool raw) {
  if (is_model(from.archive)) return from_model(model_from(from.archive), raw);
  TrainedTheta t;
  t.file = from.path;
  t.config = from.config;
  t.update = from.generation;
  t.theta = theta_from(from.archive, raw ? "theta" : "theta_average", t.config.rule);
  t.provenance = provenance_from(from.archive);
  t.label = raw ? "theta as trained" : kAverage;
  if (const auto winner = best(validation_from(from.archive)); winner && winner->update == t.update)
    t.mark = winner->point.mark;
  return t;
}

}  // namespace

TrainedTheta load_trained_theta(const std::string& path, bool raw) {
  std::vector<std::string> events;
  TrainedTheta t =
      from_snapshot(checkpoints::posix_file_system().is_directory(path) == 1 ? recommended(path, events)
                                                                             : read_any_snapshot(path),
                    raw);
  t.events = std::move(events);
  return t;
}

TrainedTheta parse_trained_theta(std::span<const std::byte> bytes, const std::string& name, bool raw) {
  return from_snapshot(parse_any_snapshot(bytes, name), raw);
}

}  // namespace metalearn
