#include <fmt/format.h>

#include "checkpoints/disk_checkpoints.hpp"
#include "checkpoints/error.hpp"
#include "metalearn/data/fingerprint.hpp"
#include "metalearn/data/overlap.hpp"
#include "metalearn/data/sources/load_dataset.hpp"
#include "metalearn/evaluate/few_shot.hpp"
#include "metalearn/steps/budget_share.hpp"
#include "metalearn/steps/step_measurement.hpp"
#include "metalearn/train/trainer_parts.hpp"
#include "metalearn/windows/antithetic_es.hpp"
#include "metalearn/windows/pes.hpp"
#include "metalearn/windows/window_plan.hpp"
#include "metalearn/windows/windowed.hpp"

namespace metalearn {
namespace {

/// Random streams of phi_0 of training tasks; evaluation uses others.
constexpr std::uint64_t kPhiSeed = 0x7068695f30ull;

std::unique_ptr<GradientEstimator> make_estimator(const Config& config, int kernel_threads,
                                                  const autodiff::Budget& share, int sub_segments) {
  if (config.estimator == "es") return std::make_unique<AntitheticES>(config, kernel_threads);
  if (config.estimator == "pes") return std::make_unique<PES>(config, kernel_threads);
  return std::make_unique<Windowed>(config, kernel_threads, share, checkpoints::posix_file_system(),
                                    sub_segments);
}

/// Options to evaluate the averaged theta. Base models and draws are those of `metalearn eval` with the same
/// number of seeds.
FewShotOptions evaluation_options(const Config& config, int at_once) {
  FewShotOptions options;
  options.steps = config.eval_steps;
  options.seeds = config.eval_seeds;
  options.batch = config.batch;
  options.threads = at_once > 0 ? at_once : config.threads;
  options.memory = config.memory;
  return options;
}

/// The sets of eval-data, each tried once: a set that cannot be evaluated is an error at the start, not hours
/// later.
std::vector<std::shared_ptr<const Dataset>> evaluation_sets(const Config& config, TrainerParts& parts) {
  std::vector<std::shared_ptr<const Dataset>> sets;
  FewShotOptions trial = evaluation_options(config, parts.at_once);
  trial.steps = {0};
  trial.seeds = trial.draws = 1;
  const std::vector<float> theta = initial_theta(config.rule, config.seed);
  for (const auto& word : config.eval_data) {
    const auto set = sets.emplace_back(load_dataset(word, config.task.load));
    parts.eval_sources[set->name] = fingerprint(*set);
    parts.notes.insert(parts.notes.end(), set->notes.begin(), set->notes.end());
    few_shot(config.rule, theta, set, config.task, trial);
    if (const auto shared = shared_files(parts.provenance, set->provenance); !shared.empty())
      parts.notes.push_back(
          fmt::format("eval-data {} is also training data ({})", set->name, shared.front()));
  }
  return sets;
}

}  // namespace

TrainerParts real_parts(const Config& config) {
  std::vector<std::shared_ptr<const Dataset>> sets;
  TrainerParts parts;
  for (const auto& word : config.data) {
    sets.push_back(load_dataset(word, config.task.load));
    const auto& set = *sets.back();
    parts.provenance.push_back(set.make ? fmt::format("{}: {}; {}", set.name, set.kind, set.split_note)
                                        : fmt::format("{}: {} training and {} test images of {} classes; {}",
                                                      set.name, set.train.count(), set.test.count(),
                                                      set.class_names.size(), set.split_note));
    for (const auto& line : set.provenance) parts.provenance.push_back(set.name + ": " + line);
    parts.notes.insert(parts.notes.end(), set.notes.begin(), set.notes.end());
  }
  const TaskDistribution tasks(config.task, std::move(sets), config.seed);
  parts.families = tasks.families();

  autodiff::Budget share;
  int sub_segments = 1;
  if (config.memory > 0) {
    const WindowPlan plan =
        plan_windows(config, largest_shape(config, tasks.most_inputs(), tasks.most_classes()));
    share = plan.share;
    sub_segments = plan.sub_segments;
    parts.at_once = plan.at_once;
    parts.memory_plan = to_text(plan, config);
    if (const auto slots = plan.longest.schedule.disk_slots; slots > 0)  // check that the disk can hold them
      checkpoints::DiskCheckpoints(checkpoints::posix_file_system(), config.disk_dir, slots * plan.at_once,
                                   plan.longest.predicted.disk_bytes / static_cast<std::size_t>(slots));
  }
  // Threads without a window of their own run the loops inside a step.
  parts.estimator =
      make_estimator(config, kernel_threads(config.threads, parts.at_once > 0 ? parts.at_once : config.tasks),
                     share, sub_segments);
  parts.make_task = [tasks, seed = config.seed](std::uint64_t id) {
    Task task = tasks.draw(Role::train, id);
    return InFlight{id, task, task.family(), 0, 0, initial_phi(task.widths(), seed ^ kPhiSeed, id)};
  };
  GradientEstimator* const estimator = parts.estimator.get();
  if (config.eval_every > 0 && !config.eval_data.empty())
    parts.evaluate = [sets = evaluation_sets(config, parts), config, estimator, at_once = parts.at_once](
                         const std::vector<float>& theta, const Stop& stop) {
      if (at_once > 0) estimator->release_memory();
      FewShotOptions options = evaluation_options(config, at_once);
      options.stop = stop;
      std::vector<FewShotRow> rows;
      for (const auto& set : sets) {
        const auto of_set = few_shot(config.rule, theta, set, config.task, options);
        if (of_set.empty()) return of_set;
        rows.insert(rows.end(), of_set.begin(), of_set.end());
      }
      return rows;
    };
  if (config.validate_every == 0) return parts;
  try {
    tasks.draw(Role::validation, 0);
  } catch (const checkpoints::BadData& e) {
    parts.notes.push_back(fmt::format("validation is off: {}", e.what()));
    return parts;
  }
  parts.validate = [tasks, config, estimator, at_once = parts.at_once](const std::vector<float>& theta,
                                                                       const Stop& stop) {
    if (at_once > 0) estimator->release_memory();
    FewShotOptions options;
    options.steps = config.validate_steps;
    options.batch = config.batch;
    options.labels_per_class = config.task.labels_per_class;
    options.threads = at_once > 0 ? at_once : config.threads;
    options.seed = config.seed;
    options.stop = stop;
    std::vector<ValidationPoint> points;
    for (const auto& row : metalearn::validate(config.rule, theta, tasks, config.validate_tasks, options))
      points.push_back({row.step, row.objective_mean, row.accuracy_mean});
    return points;
  };
  return parts;
}

}  // namespace metalearn
