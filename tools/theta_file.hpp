// ThetaFile: finds and reads the theta that the user means: a snapshot, or a run directory's best one.
//
// Pure reading, no thread rule.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "metalearn/config.hpp"

namespace tools {

/// Path of a run directory's newest snapshot, and of the one that did best on the held-out tasks of its validations (the newest where there were none, or
/// where the best was not kept). Throws checkpoints::NoInput where there is no snapshot.
std::string newest_snapshot(const std::string& directory);
std::string best_snapshot(const std::string& directory);

/// The snapshot that a word names: the file itself, or a run directory's best one. Throws NoInput.
std::string resolve_snapshot(const std::string& word);

struct ThetaFile {
  std::string path;
  metalearn::Config config;   ///< of the run that made it
  std::int64_t update = 0;
  std::vector<float> theta;   ///< the average, or theta itself if `raw`
  /// Inner steps that did best on held-out tasks, if the run's validations chose this very snapshot.
  std::optional<std::int64_t> chosen_mark;
};

/// Throws NoInput or BadData.
ThetaFile load_theta(const std::string& word, bool raw);

}  // namespace tools
