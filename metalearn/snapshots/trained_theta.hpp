// TrainedTheta: the theta that a run recommends, from a snapshot or a run directory. Reads only, takes no
// lock; functions without state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metalearn/config/config.hpp"

namespace metalearn {

/// Prefix of the label of a mean over snapshots (`export --mean-from`).
inline constexpr const char* kMeanLabel = "mean of the moving average";

struct TrainedTheta {
  std::string file;  ///< the snapshot it came from
  Config config;     ///< of the run
  std::int64_t update = 0;
  std::vector<float> theta;  ///< the moving average (or theta itself, if `raw`), flat in the order of
                             ///< theta_spec(config.rule)
  std::string
      label;  ///< which theta, for messages: "moving average", "theta as trained", "theta as imported"
  std::optional<std::int64_t> mark;  ///< evaluation step that meta-validation chose; empty unless this
                                     ///< snapshot was the run's best when saved
  std::vector<std::string>
      provenance;  ///< facts about the training data, one line each; empty for a theta from NumPy
  std::vector<std::string> events;  ///< warnings, one line each: damaged snapshots that were skipped
};

/// path: a snapshot, a model file with a theta (model_file.hpp), or a run directory. From a run directory,
/// takes the snapshot that was best on meta-validation (the newest intact one if none was validated or the
/// best is gone). Throws checkpoints::NoInput, BadData.
TrainedTheta load_trained_theta(const std::string& path, bool raw = false);
/// The same from the bytes of a snapshot or model file; name stands for its path.
TrainedTheta parse_trained_theta(std::span<const std::byte> bytes, const std::string& name, bool raw = false);

}  // namespace metalearn
