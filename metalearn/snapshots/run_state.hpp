// RunState: everything that the next update depends on, and its layout in a snapshot.
//
//   theta/<name>, theta_average/<name>, adam/m/<name>, adam/v/<name>
//       float32, names and shapes of specification section 3.1
//   in_flight/{id,length,age} [P], in_flight/<slot>/phi
//       the pool; tasks are drawn again from their ids
//   in_flight/<slot>/{particles [2N, |phi|], xi [N, |theta|]}
//       only with estimator = pes, for tasks that it has visited (in_flight.hpp)
//   counters (attributes)
//       update, adam_steps, next_task, consecutive_failures
//   config, data (attributes)
//       every configuration key as text; one line per provenance fact of the data
//   program_version, kernels (attributes of the root)
//       of the writer; kernel levels that sum in the same way (v3, v4) give the same bits, others do not;
//       kernels: since schema 2
//   machine (attribute of the root)
//       processor and cores of the writer; absent in snapshots older than evaluations.csv
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

/// One evaluation step of one validation of the averaged theta.
struct Validated {
  std::int64_t update = 0;
  ValidationPoint point;
};

struct RunState {
  std::int64_t update = 0;  ///< done
  std::vector<float> theta, theta_average;
  AdamState adam;
  std::int64_t consecutive_failures = 0;  ///< consecutive updates in which most tasks were dropped
  std::vector<Validated> validation;      ///< in order of updates and evaluation steps

  /// theta = theta_average = initial, moments zero.
  static RunState begin(std::vector<float> initial_theta);
};

/// The update and evaluation step to use, chosen on meta-validation by the rule of few_shot.hpp (`beats`).
std::optional<Validated> best(const std::vector<Validated>& history);

checkpoints::Archive to_archive(const Config& config, const RunState& state, const InFlightPool& pool,
                                const std::vector<std::string>& provenance);

/// A task of the pool as stored in a snapshot.
struct StoredTask {
  std::uint64_t id = 0;
  std::int64_t length = 0, age = 0;
  const std::vector<float>* phi = nullptr;                      ///< in the archive
  const std::vector<float>*particles = nullptr, *xi = nullptr;  ///< in the archive; null if it has none
};

/// All of these throw checkpoints::BadData naming the file and what is missing, has another size, or is not a
/// state that a run can reach.
Config config_from(const checkpoints::Archive& archive,
                   bool of_run = true);  ///< false: it need not be complete
RunState state_from(const checkpoints::Archive& archive, const Config& config);
/// In the order of their slots. restore_pool checks that phi fits its task's architecture, which only the
/// data determines.
std::vector<StoredTask> in_flight_from(const checkpoints::Archive& archive, const Config& config);
void restore_pool(const checkpoints::Archive& archive, InFlightPool& pool);
std::vector<Validated> validation_from(const checkpoints::Archive& archive);
std::vector<std::string> provenance_from(const checkpoints::Archive& archive);
void put_provenance(checkpoints::Archive& archive, const std::vector<std::string>& provenance);

/// A warning, one line, if the kernels in use give other bits than those that wrote the snapshot, and how to
/// get the same bits. Empty if they give the same, or if the snapshot (schema 1) does not record them.
std::string kernels_note(const checkpoints::Archive& archive);

/// Stores the tensors of a flat array as arrays GROUP/NAME, and reads them back (float32 of these shapes;
/// throws BadData otherwise).
void put_tensors(checkpoints::Archive& archive, const std::string& group, const TensorList& list,
                 const std::vector<float>& flat);
std::vector<float> take_tensors(const checkpoints::Archive& archive, const std::string& group,
                                const TensorList& list);

/// theta as a flat array from the group theta/ or theta_average/ of a snapshot.
std::vector<float> theta_from(const checkpoints::Archive& archive, const std::string& group,
                              const RuleConfig& rule);

}  // namespace metalearn
