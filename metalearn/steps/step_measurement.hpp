// Step measurement: the data about an inner step that the unroll planner needs: sizes and arithmetic of its
// tapes, which follow from its shape, and its speed on this machine.
#pragma once
#include <span>
#include <vector>

#include "autodiff/unroll/budget.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/steps/inner_step.hpp"

namespace metalearn {

/// The numbers of sub-segments that a step's tape may be cut into, the plain step first. The planner chooses
/// from these tapes.
inline constexpr int kSubSegments[] = {1, 2, 4, 8, 16};

/// The shape of the largest task that the configuration draws from data with this many inputs and classes.
StepShape largest_shape(const Config& config, std::int64_t inputs, std::int64_t classes);
/// The same for grey images with the maximal number of classes of a task.
StepShape largest_shape(const Config& config);

/// The profile of the step with the tape of its sub-segments. Compiles what it needs.
template <class T>
autodiff::StepProfile step_profile(InnerStep<T>& step);
/// All tapes of a step.
std::vector<autodiff::StepProfile> step_profiles(const RuleConfig& rule, const StepShape& shape);
/// Speed from arithmetic only, with seconds in units of one plain forward step: plans that use it are the
/// same on every machine.
autodiff::StepSpeed arithmetic_speed(InnerStep<float>& step);

/// Compiles and times the plain step: the fastest of `rounds` runs on synthetic batches. threads: for the
/// loops inside the step, 0: all cores.
autodiff::StepSpeed measure_speed(const RuleConfig& rule, const StepShape& shape, int threads,
                                  int rounds = 3);

}  // namespace metalearn
