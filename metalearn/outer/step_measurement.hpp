// StepMeasurement: what the planner of an unroll has to know of an inner step: its sizes, and how long each of its parts takes here and now. Which schedule is chosen depends on the sizes
// alone: times are for the prediction of seconds.
#pragma once
#include "autodiff/unroll/budget.hpp"
#include "metalearn/config.hpp"
#include "metalearn/model/inner_step.hpp"

namespace metalearn {

struct StepMeasurement {
  autodiff::StepProfile profile;
  autodiff::StepCosts costs;  ///< seconds: the least of `rounds` runs on made-up batches. evaluations: what the reverse recomputes within its step included
  double tape_seconds = 0;    ///< that keeping a tape costs: record and reverse less a turn
};

/// The shape of the largest task that the configuration draws from data with so many inputs and classes.
StepShape largest_shape(const Config& config, std::int64_t inputs, std::int64_t classes);
/// From grey pictures of as many classes as a task may have.
StepShape largest_shape(const Config& config);

/// Sizes, which follow from the shape alone. tape_size is 0 where copying a tape away and back takes more than it saves, as its numbers and the step's arithmetic say.
autodiff::StepProfile step_profile(InnerStep<float>& step);
/// Costs by arithmetic alone, with seconds in units of one plain forward step: a plan by them is the same on every machine.
autodiff::StepCosts step_costs(InnerStep<float>& step);

/// Compiles and times. threads: for the loops inside the step, 0: all cores.
StepMeasurement measure_step(const RuleConfig& rule, const StepShape& shape, int threads, int rounds = 3);

}  // namespace metalearn
