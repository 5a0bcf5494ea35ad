// RunState: all that the next update depends on, and how it lies in a snapshot.
//
//   theta/<name>, theta_average/<name>, adam/m/<name>, adam/v/<name>
//       float32, names and shapes of specification section 3.1
//   in_flight/{id,length,age} [P], in_flight/<slot>/phi
//       the pool; tasks are drawn again from their ids
//   in_flight/<slot>/{particles [2N, |phi|], xi [N, |theta|]}
//       with estimator = pes, of tasks that it has visited (in_flight.hpp)
//   counters (attributes)
//       update, adam_steps, next_task, consecutive_failures
//   config, data (attributes)
//       every configuration key as text; one line per provenance fact of the data
//   program_version, kernels (attributes of the root)
//       what made it: of two levels of kernels that sum alike (v3, v4) the bits are the same, of others not;
//       kernels: since schema 2
//   machine (attribute of the root)
//       processor and cores of the writer; absent before evaluations.csv came
//   validation/{update,mark,objective,accuracy} [n]
//       and attributes best_update, best_mark, best_objective, best_accuracy
//
// Plain values, no thread rule.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoints/archive.hpp"
#include "metalearn/model/tensor_list.hpp"
#include "metalearn/optimise/adam.hpp"
#include "metalearn/records/metrics.hpp"
#include "metalearn/windows/in_flight.hpp"

namespace metalearn {

/// One mark of one validation of the averaged theta.
struct Validated {
  std::int64_t update = 0;
  ValidationPoint point;
};

struct RunState {
  std::int64_t update = 0;  ///< done
  std::vector<float> theta, theta_average;
  AdamState adam;
  std::int64_t consecutive_failures = 0;  ///< updates in a row most of whose tasks were dropped
  std::vector<Validated> validation;      ///< in order of updates and marks

  /// theta = theta_average = initial, moments zero.
  static RunState begin(std::vector<float> initial_theta);
};

/// The update and mark to use, chosen on meta-validation by the rule of few_shot.hpp (`beats`).
std::optional<Validated> best(const std::vector<Validated>& history);

checkpoints::Archive to_archive(const Config& config, const RunState& state, const InFlightPool& pool,
                                const std::vector<std::string>& provenance);

/// A task of the pool as it lies in a snapshot.
struct StoredTask {
  std::uint64_t id = 0;
  std::int64_t length = 0, age = 0;
  const std::vector<float>* phi = nullptr;                      ///< in the archive
  const std::vector<float>*particles = nullptr, *xi = nullptr;  ///< there too; null where it has none
};

/// All of these throw checkpoints::BadData naming the file and what is missing, of another size, or not what
/// a run can come to.
Config config_from(const checkpoints::Archive& archive,
                   bool of_run = true);  ///< not of a run: need not be complete
RunState state_from(const checkpoints::Archive& archive, const Config& config);
/// In the order of their slots. Whether phi fits its task's architecture only the data can tell: restore_pool
/// does.
std::vector<StoredTask> in_flight_from(const checkpoints::Archive& archive, const Config& config);
void restore_pool(const checkpoints::Archive& archive, InFlightPool& pool);
std::vector<Validated> validation_from(const checkpoints::Archive& archive);
std::vector<std::string> provenance_from(const checkpoints::Archive& archive);
void put_provenance(checkpoints::Archive& archive, const std::vector<std::string>& provenance);

/// Where the kernels in use here give other bits than those that a snapshot was made with: one line that says
/// so, and how to get the same ones. Empty where they give the same, or where the snapshot, of schema 1, does
/// not say.
std::string kernels_note(const checkpoints::Archive& archive);

/// The tensors of a flat array as arrays GROUP/NAME, and back (float32 of these shapes; throws BadData
/// otherwise).
void put_tensors(checkpoints::Archive& archive, const std::string& group, const TensorList& list,
                 const std::vector<float>& flat);
std::vector<float> take_tensors(const checkpoints::Archive& archive, const std::string& group,
                                const TensorList& list);

/// theta as a flat array from the group theta/ or theta_average/ of a snapshot.
std::vector<float> theta_from(const checkpoints::Archive& archive, const std::string& group,
                              const RuleConfig& rule);

}  // namespace metalearn
