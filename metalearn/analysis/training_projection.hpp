// TrainingProjection: how long a training will take, before it is started: its windows are counted as the
// pool of tasks will give them out, and the inner steps of tasks as it draws them timed.
//
// Counting is a pure function of the configuration, and exact as long as no task turns non-finite. One
// thread.
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
  std::vector<double> critical;  ///< for each number of workers: of the busiest one of each update, summed.
                                 ///< Windows go, in task order, to whoever is free first
  std::int64_t counted = 0;      ///< updates; the rest are taken to be as the last `like` of these
  std::int64_t like = 0;
};

/// Windows of config.updates updates of config.tasks windows, each update's spread over so many workers. All
/// are counted, or, of more than some millions of windows, those of the growth of lengths and as many updates
/// after it as it takes until no task from before is in flight any more.
WindowCount count_windows(const Config& config, std::span<const std::int64_t> workers);

/// Of an inner step on one thread, means over tasks.
struct StepTimes {
  double forward_seconds = 0, reverse_seconds = 0;
  double batch_seconds = 0;  ///< of drawing its batches
  double unlabelled_seconds =
      0;  ///< the part of that for the unlabelled one, which is drawn again when the step is computed again

  /// Of a training window's step that is computed forward so many times.
  double train_seconds(double evaluations = 2) const {
    return evaluations * forward_seconds + reverse_seconds + batch_seconds +
           (evaluations - 1) * unlabelled_seconds;
  }
  /// Of a step forward alone.
  double validate_seconds() const { return forward_seconds + unlabelled_seconds; }
};

/// Of tasks 0, 1, ... of the training: at least so many, and more until so many seconds are over. Compiles
/// and times each architecture.
StepTimes measure_steps(const Config& config, const TaskDistribution& tasks, int least = 8,
                        double seconds = 5);

/// Seconds of a step forward of the base model that an evaluation while training (eval-data) uses, for each
/// of the sets.
std::vector<double> measure_evaluations(const Config& config,
                                        std::span<const std::shared_ptr<const Dataset>> sets);

/// Seconds of a whole training with so many workers, whose count has this critical path, in which steps are
/// computed forward so many times; with validations and evaluations; the start of the program and of the
/// pool, and the heads of evaluations, not.
double training_seconds(const Config& config, double critical, const StepTimes& times, double evaluations,
                        std::span<const double> evaluation_steps, std::int64_t workers);

}  // namespace metalearn
