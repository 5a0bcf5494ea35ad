// TrainingProjection: predicts the duration of a training in advance: counts its windows as the pool of tasks
// will hand them out, and times the inner steps of its tasks.
//
// Counting is a pure function of the configuration, and exact unless a task turns non-finite. One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "metalearn/config/config.hpp"
#include "metalearn/tasks/task.hpp"

namespace metalearn {

struct WindowCount {
  double steps = 0;              ///< inner steps of all windows
  std::vector<double> critical;  ///< for each number of workers: steps of the busiest worker of each update,
                                 ///< summed. Windows go, in task order, to the first free worker
  std::int64_t counted = 0;  ///< updates counted; the rest are assumed to be like the last `like` of these
  std::int64_t like = 0;
};

/// Counts the windows of config.updates updates of config.tasks windows, with each update's windows spread
/// over each number of workers. Beyond some millions of windows, it counts only those while lengths grow, and
/// then as many updates as it takes until no earlier task is in flight.
WindowCount count_windows(const Config& config, std::span<const std::int64_t> workers);

/// Times of an inner step on one thread, means over tasks.
struct StepTimes {
  double forward_seconds = 0, reverse_seconds = 0;
  double batch_seconds = 0;  ///< of drawing its batches
  double unlabelled_seconds =
      0;  ///< the part for the unlabelled batch, which is drawn again when the step is recomputed

  /// Seconds per step of a training window in which each step is computed forward `evaluations` times.
  double train_seconds(double evaluations = 2) const {
    return evaluations * forward_seconds + reverse_seconds + batch_seconds +
           (evaluations - 1) * unlabelled_seconds;
  }
  /// Seconds of a forward step only.
  double validate_seconds() const { return forward_seconds + unlabelled_seconds; }
};

/// Times tasks 0, 1, ... of the training: at least `least`, and more until `seconds` are over. Compiles and
/// times each architecture.
StepTimes measure_steps(const Config& config, const TaskDistribution& tasks, int least = 8,
                        double seconds = 5);

/// Seconds of a forward step of the base model that evaluations during training (eval-data) use, for each of
/// the sets.
std::vector<double> measure_evaluations(const Config& config,
                                        std::span<const std::shared_ptr<const Dataset>> sets);

/// Seconds of a training with this many workers, whose count has this critical path, in which steps are
/// computed forward `evaluations` times; includes validations and evaluations, but not the start of the
/// program and of the pool, nor the heads of evaluations.
double training_seconds(const Config& config, double critical, const StepTimes& times, double evaluations,
                        std::span<const double> evaluation_steps, std::int64_t workers);

}  // namespace metalearn
