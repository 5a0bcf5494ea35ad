// Few-shot evaluation: a rule trains a base model on unlabelled batches; at every mark a ridge head on few
// labels is scored on other examples.
//
// Specification section 10. Seeds run in parallel, as many at one time as threads and a memory budget allow;
// threads that are left over go to the loops inside a step. Base models, batches and labelled draws are the
// same for every theta and at every mark, so that curves can be compared; results do not depend on the
// threads. A score that is not a number stays one: it is reported, not hidden. Functions without state.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

struct FewShotOptions {
  std::vector<std::int64_t> steps = {0, 10, 25, 50, 100};  ///< marks: inner steps done, ascending
  std::vector<std::int64_t> hidden = {64, 64};
  std::int64_t seeds = 8;  ///< independent base models and batches
  std::int64_t draws = 5;  ///< labelled pairs per seed and mark
  std::int64_t batch = 64;
  std::int64_t labels_per_class =
      10;  ///< of validate(): must be what its tasks were made with; few_shot() takes its TaskConfig's
  int threads = 1;           ///< 0: all cores
  std::uint64_t memory = 0;  ///< bytes for base models, batches and steps; 0: no bound. Data sets come on top
  std::uint64_t seed = 0;
  std::uint64_t permutation = 0;  ///< number of a random permutation of the inputs; 0: as they are. Not of
                                  ///< validate(), whose tasks have their own
  Stop stop = {};                 ///< asked before every inner step
};

struct FewShotRow {
  std::string data, method;  ///< "mnist"; method_name() of the rule
  std::int64_t step = 0;
  double accuracy_mean = 0, accuracy_se = 0;  ///< over seeds, of which each is a mean over its draws; the
                                              ///< standard error of one seed is NaN
  double objective_mean = 0, objective_se = 0;
  std::int64_t seeds = 0;
  double gain_mean = 0,
         gain_se =
             0;  ///< accuracy here less accuracy at step 0, paired seed by seed; NaN where step 0 is no mark
  double seconds_per_step = 0;  ///< of an inner step of one base model, mean over all steps; what was running
                                ///< at one time slows it. NaN where no mark is above 0
};

/// The task of seed `index` of an evaluation of `seed`: what few_shot() and comparisons have in common.
Task evaluation_seed(std::shared_ptr<const Dataset> set, const std::vector<std::int64_t>& hidden,
                     const TaskConfig& task, std::uint64_t seed, std::int64_t index,
                     std::uint64_t permutation = 0);

/// One row per mark for one data set, in the order of the marks; none where it was stopped. Step 0 is random
/// initialisation, whatever theta is. Throws std::invalid_argument: marks that do not ascend from 0 or more,
/// no seeds or draws, theta of another size than the rule's; MemoryBudget naming the smallest budget that
/// works, where not one base model fits.
std::vector<FewShotRow> few_shot(const RuleConfig& rule, const std::vector<float>& theta,
                                 std::shared_ptr<const Dataset> set, const TaskConfig& task,
                                 const FewShotOptions& options);

/// The same over held-out tasks 0 .. task_count-1 in place of seeds: Role::validation chooses marks and
/// thetas, Role::test reports what was chosen. No image and no phi_0 is shared between the two. data is
/// "validation" or "test"; options.hidden and options.seeds are not used, as each task has its own widths and
/// classes. Throws checkpoints::BadData where no data set holds anything out for the role.
std::vector<FewShotRow> validate(const RuleConfig& rule, const std::vector<float>& theta,
                                 const TaskDistribution& tasks, std::int64_t task_count,
                                 const FewShotOptions& options, Role role = Role::validation);

/// What a mark is chosen by.
struct MarkScore {
  std::int64_t mark = 0;  ///< inner steps
  double accuracy = 0, objective = 0;
};

/// THE rule by which marks and thetas are chosen: does `a` win over `b` (null: nothing chosen yet)? The
/// higher accuracy wins, then the lower objective, then what came first. Scores that are not finite never
/// win, nor does step 0: it is random initialisation, which no theta can take credit for.
bool beats(const MarkScore& a, const MarkScore* b);

/// The row that wins by that rule; null where none can.
const FewShotRow* best_mark(const std::vector<FewShotRow>& rows);

}  // namespace metalearn
