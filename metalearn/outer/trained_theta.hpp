// TrainedTheta: the theta that a run recommends, from a snapshot or a whole run directory. Reads only, takes no lock; functions without state.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/config.hpp"

namespace metalearn {

struct TrainedTheta {
  std::string file;                  ///< the snapshot it came from
  Config config;                     ///< of the run
  std::int64_t update = 0;
  std::vector<float> theta;          ///< the moving average, flat in the order of theta_spec(config.rule)
  std::optional<std::int64_t> mark;  ///< inner steps that meta-validation chose at this update; empty where it was not validated
};

/// path: a snapshot, or a run directory, of which the snapshot that was best on meta-validation is taken (the newest where none was validated or the best is gone).
/// Throws checkpoints::NoInput, BadData.
TrainedTheta load_trained_theta(const std::string& path);

}  // namespace metalearn
