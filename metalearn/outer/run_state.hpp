// RunState: all that the next update depends on, and how it lies in a snapshot.
//
//   theta/<name>, theta_average/<name>, adam/m/<name>, adam/v/<name>    float32, names and shapes of specification section 3.1
//   in_flight/{id,length,age} [P], in_flight/<slot>/phi                 the pool; tasks are drawn again from their ids
//   counters (attributes)     update, adam_steps, next_task, consecutive_failures
//   config, data (attributes) every configuration key as text; one line per provenance fact of the data
//   program_version (attribute of the root)
//   validation/{update,mark,objective,accuracy} [n] and attributes best_update, best_mark, best_objective, best_accuracy
//
// Plain values, no thread rule.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "metalearn/outer/adam.hpp"
#include "metalearn/outer/in_flight.hpp"
#include "metalearn/outer/metrics.hpp"

namespace metalearn {

/// One mark of one validation of the averaged theta.
struct Validated {
  std::int64_t update = 0;
  ValidationPoint point;
};

struct RunState {
  std::int64_t update = 0;                ///< done
  std::vector<float> theta, theta_average;
  AdamState adam;
  std::int64_t consecutive_failures = 0;  ///< updates in a row whose every task was dropped
  std::vector<Validated> validation;      ///< in order of updates and marks

  /// theta = theta_average = initial, moments zero.
  static RunState begin(std::vector<float> initial_theta);
};

/// The update and mark to use, chosen on meta-validation by the rule of few_shot.hpp (`beats`).
std::optional<Validated> best(const std::vector<Validated>& history);

checkpoints::Archive to_archive(const Config& config, const RunState& state, const InFlightPool& pool, const std::vector<std::string>& provenance);

/// Throws checkpoints::BadData naming the file and what is missing or of another size.
Config config_from(const checkpoints::Archive& archive);
RunState state_from(const checkpoints::Archive& archive, const Config& config);
void restore_pool(const checkpoints::Archive& archive, InFlightPool& pool);
std::vector<Validated> validation_from(const checkpoints::Archive& archive);
std::vector<std::string> provenance_from(const checkpoints::Archive& archive);

/// theta as a flat array from the group theta/ or theta_average/ of a snapshot.
std::vector<float> theta_from(const checkpoints::Archive& archive, const std::string& group, const RuleConfig& rule);

}  // namespace metalearn
