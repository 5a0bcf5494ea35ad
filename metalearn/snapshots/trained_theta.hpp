// TrainedTheta: the theta that a run recommends, from a snapshot or a whole run directory. Reads only, takes
// no lock; functions without state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metalearn/config/config.hpp"

namespace metalearn {

/// What the label of a mean over snapshots begins with (`export --mean-from`).
inline constexpr const char* kMeanLabel = "mean of the moving average";

struct TrainedTheta {
  std::string file;  ///< the snapshot it came from
  Config config;     ///< of the run
  std::int64_t update = 0;
  std::vector<float> theta;  ///< the moving average (or theta itself, if `raw`), flat in the order of
                             ///< theta_spec(config.rule)
  std::string
      label;  ///< which of the two, for messages: "moving average", "theta as trained", "theta as imported"
  std::optional<std::int64_t>
      mark;  ///< inner steps that meta-validation chose; empty unless this snapshot is the run's best by then
  std::vector<std::string> provenance;  ///< facts about the data that the run was trained on, one line each;
                                        ///< empty of a theta from NumPy
  std::vector<std::string>
      events;  ///< what a user should know, one line each: damaged snapshots that were passed over
};

/// path: a snapshot, a model file with a theta (model_file.hpp), or a run directory, of which
/// the snapshot that was best on meta-validation is taken (the newest whole one where none was validated or
/// the best is gone). Throws checkpoints::NoInput, BadData.
TrainedTheta load_trained_theta(const std::string& path, bool raw = false);
/// The same of the bytes of a snapshot or model file; name stands for its path.
TrainedTheta parse_trained_theta(std::span<const std::byte> bytes, const std::string& name, bool raw = false);

}  // namespace metalearn
