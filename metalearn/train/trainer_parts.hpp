// TrainerParts: the trainer's dependencies, gathered in one place so that a test can substitute small ones.
//
// Made once per start or resume, before any file is written. One thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/records/metrics.hpp"
#include "metalearn/train/trainer.hpp"
#include "metalearn/windows/gradient_estimator.hpp"

namespace metalearn {

struct TrainerParts {
  std::vector<std::string> families;  ///< in the order of the columns of metrics.csv
  std::vector<std::string>
      provenance;  ///< facts about the data, one line each: kept in snapshots and compared on resume
  std::unique_ptr<GradientEstimator> estimator;
  TaskMaker make_task;
  std::vector<std::string> notes;  ///< for the first progress report, one line each
  int at_once =
      0;  ///< windows that run at the same time, if the memory budget limits them; 0: one per thread
  std::string memory_plan = {};  ///< the plan for the memory budget, one line; empty without a budget
  /// Validates the averaged theta on the meta-validation tasks: one point per evaluation step, or an empty
  /// list if it was stopped. An empty function: there is no data to validate on.
  std::function<std::vector<ValidationPoint>(const std::vector<float>& theta, const Stop& stop)> validate;
  /// Evaluates the averaged theta on the sets of eval-data: one row per set and evaluation step, or an empty
  /// list if it was stopped. An empty function: there are no sets.
  std::function<std::vector<FewShotRow>(const std::vector<float>& theta, const Stop& stop)> evaluate;
  std::map<std::string, std::string> eval_sources = {};  ///< fingerprints of these sets, by name
};

using PartsMaker = std::function<TrainerParts(const Config&)>;

/// The real parts: loads the data sets, draws tasks from them, estimates as configured. Throws what
/// load_dataset and TaskDistribution throw.
TrainerParts real_parts(const Config& config);

/// Trainer::start and Trainer::resume with the caller's parts, writing through `files`.
std::unique_ptr<Trainer> start_with(const Config& config, const std::string& directory,
                                    const PartsMaker& parts, const Trainer::OnProgress& on_progress = {},
                                    const Stop& stop = {},
                                    checkpoints::FileSystem& files = checkpoints::posix_file_system());
std::unique_ptr<Trainer> resume_with(const std::string& directory, const ConfigChanges& changes,
                                     const PartsMaker& parts,
                                     checkpoints::FileSystem& files = checkpoints::posix_file_system());

}  // namespace metalearn
