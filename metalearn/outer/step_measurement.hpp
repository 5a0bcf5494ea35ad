// StepMeasurement: what the planner of an unroll has to know of an inner step: its sizes, and how long each of its parts takes here and now.
#pragma once
#include "autodiff/unroll/budget.hpp"
#include "metalearn/config.hpp"
#include "metalearn/model/inner_step.hpp"

namespace metalearn {

struct StepMeasurement {
  autodiff::StepProfile profile;
  autodiff::StepCosts costs;  ///< seconds: the least of `rounds` runs on made-up batches. evaluations: what the reverse recomputes within its step included
  double tape_seconds = 0;    ///< that keeping a tape costs: record and reverse less a turn. Where it takes back what it gains, profile.tape_size is 0: no tapes are kept
};

/// The shape of the largest task that the configuration draws.
StepShape largest_shape(const Config& config);

/// Compiles and times. threads: for the loops inside the step, 0: all cores.
StepMeasurement measure_step(const RuleConfig& rule, const StepShape& shape, int threads, int rounds = 3);

}  // namespace metalearn
