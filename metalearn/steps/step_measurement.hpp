// Step measurement: what the planner of an unroll has to know of an inner step: the sizes and the arithmetic
// of its tapes, which follow from its shape, and how fast it runs here and now.
#pragma once
#include <span>
#include <vector>

#include "autodiff/unroll/budget.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/steps/inner_step.hpp"

namespace metalearn {

/// The sub-segments that a step's tape may be cut into, the plain step first: each gives one of the tapes
/// that the planner chooses from.
inline constexpr int kSubSegments[] = {1, 2, 4, 8, 16};

/// The shape of the largest task that the configuration draws from data with so many inputs and classes.
StepShape largest_shape(const Config& config, std::int64_t inputs, std::int64_t classes);
/// From grey pictures of as many classes as a task may have.
StepShape largest_shape(const Config& config);

/// With the tape of its sub-segments. Compiles what it has to.
template <class T>
autodiff::StepProfile step_profile(InnerStep<T>& step);
/// All tapes of a step.
std::vector<autodiff::StepProfile> step_profiles(const RuleConfig& rule, const StepShape& shape);
/// By arithmetic alone, with seconds in units of one plain forward step: a plan by it is the same on every
/// machine.
autodiff::StepSpeed arithmetic_speed(InnerStep<float>& step);

/// Compiles and times the plain step: the least of `rounds` runs on made-up batches. threads: for the loops
/// inside the step, 0: all cores.
autodiff::StepSpeed measure_speed(const RuleConfig& rule, const StepShape& shape, int threads,
                                  int rounds = 3);

}  // namespace metalearn
