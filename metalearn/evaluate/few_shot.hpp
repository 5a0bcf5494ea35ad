// Few-shot evaluation: a rule trains a base model on unlabelled batches; at every evaluation step, a ridge
// head fitted on few labels is scored on other examples.
//
// Specification section 10. Seeds run in parallel, as many at the same time as threads and the memory budget
// allow; remaining threads are used by the loops inside a step. Base models, batches and labelled draws are
// the same for every theta and at every evaluation step, so that curves can be compared; results do not
// depend on the threads. A score that is NaN is reported as NaN. Functions without state.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

struct FewShotOptions {
  std::vector<std::int64_t> steps = {0, 10, 25, 50, 100};  ///< evaluation steps: inner steps done, ascending
  std::vector<std::int64_t> hidden = {64, 64};
  std::int64_t seeds = 8;  ///< independent base models, each with its own batches
  std::int64_t draws = 5;  ///< labelled pairs per seed and evaluation step
  std::int64_t batch = 64;
  std::int64_t labels_per_class =
      10;           ///< for validate(): must be the value of its tasks; few_shot() uses its TaskConfig's
  int threads = 1;  ///< 0: all cores
  std::uint64_t memory =
      0;  ///< bytes for base models, batches and steps; 0: no bound. Data sets are not counted
  std::uint64_t seed = 0;
  std::uint64_t permutation = 0;  ///< number of a random permutation of the inputs; 0: as they are. Not for
                                  ///< validate(), whose tasks have their own
  Stop stop = {};                 ///< asked before every inner step
};

struct FewShotRow {
  std::string data, method;  ///< "mnist"; method_name() of the rule
  std::int64_t step = 0;
  double accuracy_mean = 0,
         accuracy_se = 0;  ///< over seeds, each a mean over its draws; the standard error of one seed is NaN
  double objective_mean = 0, objective_se = 0;
  std::int64_t seeds = 0;
  double gain_mean = 0,
         gain_se = 0;  ///< accuracy here minus accuracy at step 0, paired by seed; NaN if step 0 is not an
                       ///< evaluation step
  double seconds_per_step = 0;  ///< of an inner step of one base model, mean over all steps; base models that
                                ///< run in parallel slow it. NaN if no evaluation step is above 0
};

/// The task of seed `index` of an evaluation with `seed`; shared by few_shot() and comparisons.
Task evaluation_seed(std::shared_ptr<const Dataset> set, const std::vector<std::int64_t>& hidden,
                     const TaskConfig& task, std::uint64_t seed, std::int64_t index,
                     std::uint64_t permutation = 0);

/// One row per evaluation step for one data set, in order; none if it was stopped. Step 0 is random
/// initialisation, independent of theta. Throws std::invalid_argument: evaluation steps that are negative or
/// not ascending, no seeds or draws, a theta whose size is not the rule's; MemoryBudget, naming the smallest
/// budget that works, if not even one base model fits.
std::vector<FewShotRow> few_shot(const RuleConfig& rule, const std::vector<float>& theta,
                                 std::shared_ptr<const Dataset> set, const TaskConfig& task,
                                 const FewShotOptions& options);

/// The same over held-out tasks 0 .. task_count-1 in place of seeds: Role::validation selects evaluation
/// steps and thetas, Role::test reports the selected ones. The two share no image and no phi_0. data is
/// "validation" or "test"; options.hidden and options.seeds are not used, as each task has its own widths and
/// classes. Throws checkpoints::BadData if no data set holds anything out for the role.
std::vector<FewShotRow> validate(const RuleConfig& rule, const std::vector<float>& theta,
                                 const TaskDistribution& tasks, std::int64_t task_count,
                                 const FewShotOptions& options, Role role = Role::validation);

/// The scores by which an evaluation step is selected.
struct MarkScore {
  std::int64_t mark = 0;  ///< evaluation step: inner steps done
  double accuracy = 0, objective = 0;
};

/// THE rule that selects evaluation steps and thetas: does `a` win over `b` (null: nothing selected yet)? The
/// higher accuracy wins, then the lower objective, then the earlier one. Scores that are not finite never
/// win, nor does step 0: it is random initialisation, which is independent of theta.
bool beats(const MarkScore& a, const MarkScore* b);

/// The row that wins by that rule; null if none can.
const FewShotRow* best_mark(const std::vector<FewShotRow>& rows);

}  // namespace metalearn
