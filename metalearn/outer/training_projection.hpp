// TrainingProjection: how long a training will take, before it is started: its windows are counted as the pool of tasks will give them out, and the inner steps of a few drawn tasks timed.
//
// Counting is a pure function of the configuration, and exact as long as no task turns non-finite. One thread.
#pragma once
#include <cstdint>

#include "metalearn/config.hpp"

namespace metalearn {

struct WindowCount {
  double steps = 0;     ///< inner steps of all windows
  double critical = 0;  ///< of the busiest worker of each update, summed: windows go, in task order, to whoever is free first
  bool is_exact = true; ///< false: the first million windows were counted, and the rest taken to be as the second half of them
};

/// Windows of config.updates updates of config.tasks windows, each update's spread over so many workers.
WindowCount count_windows(const Config& config, std::int64_t workers);

struct StepTimes {
  double train_seconds = 0;     ///< of an inner step of a window: forward, again for the reverse, the objective, back, and its batches
  double validate_seconds = 0;  ///< of an inner step forward and its batch
  double batch_seconds = 0;     ///< the part of train_seconds in which batches are drawn
};

/// Means over `tasks` drawn architectures, one thread each, on made-up pictures of 28 x 28. Compiles and times each architecture.
StepTimes measure_steps(const Config& config, int tasks = 8);

/// Seconds of a whole training with so many workers, validations included, the start of the program and of the pool not.
double training_seconds(const Config& config, const WindowCount& windows, const StepTimes& times, std::int64_t workers);

}  // namespace metalearn
