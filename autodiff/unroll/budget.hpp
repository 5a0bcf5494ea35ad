// budget: chooses the schedule of an unroll within a memory budget, and predicts its cost. A pure function;
// unroll() executes exactly the plan.
//
// A step may offer several tapes: smaller ones take less memory and recompute more of the step
// (transform/sub_segments.hpp). The tape and the schedule are chosen together. More memory or disk never
// costs more evaluations, nor more seconds at equal speed: every schedule here gets cheaper with more slots,
// time depends only on evaluations, and the disk is used only if writing and reading a state takes less time
// than a forward step, so that no step waits for it.
#pragma once
#include <span>
#include <stdexcept>

#include "autodiff/unroll/simulate.hpp"

namespace autodiff {

/// What the planner needs to know about a segment (segment.hpp) with one of its tapes.
struct StepProfile {
  std::size_t state_size = 0, theta_size = 0;
  std::size_t tape_size = 0;  ///< 0: tapes can't be kept. In more than 512 steps a tape is not kept if it
                              ///< leaves more than 0.3 evaluations to recompute
  std::size_t number_bytes = 4;
  std::size_t working_bytes = 0;  ///< of the step's own arena
  double recomputed = 0;          ///< evaluations that the reverse of a step recomputes within the step
};

/// How fast steps run; the same for every tape.
struct StepSpeed {
  double forward_seconds = 1;  ///< of one evaluation
  double reverse_seconds = 1;  ///< of the reverse of a step, without its evaluations
};

/// The costs of the parts of a step.
StepCosts step_costs(const StepProfile& step, const StepSpeed& speed);

struct Budget {
  std::size_t memory_bytes = 0;
  std::size_t disk_bytes = 0;
};

struct UnrollPlan {
  std::size_t tape = 0;  ///< index into the offered tapes
  Schedule schedule;
  Simulation predicted;
  std::size_t arena_bytes = 0;  ///< the high-water mark of unroll()'s arena
  std::size_t peak_bytes = 0;   ///< arena_bytes, the step's working bytes, the buffers of the disk store,
                                ///< and the schedule with its bookkeeping per step
  double evaluations_per_step = 0;
  double lower_bound_evaluations = 0;  ///< of the whole unroll, in any memory
  bool disk_too_slow = false;          ///< a disk was offered and is not used
};

/// No schedule fits.
struct BudgetTooSmall : std::runtime_error {
  BudgetTooSmall(std::size_t least, const std::string& message)
      : std::runtime_error(message), smallest_bytes(least) {}
  std::size_t smallest_bytes;  ///< the smallest memory in which a schedule fits
};

/// The smallest memory in which T steps can be reversed: one slot, with T (T+1) / 2 forward steps.
std::size_t smallest_memory(Step T, std::span<const StepProfile> tapes);
inline std::size_t smallest_memory(Step T, const StepProfile& step) {
  return smallest_memory(T, std::span(&step, 1));
}

/// tapes: the choices for one step, at least one; of equally good ones the first is taken. Throws
/// BudgetTooSmall naming the smallest budget that works, std::invalid_argument where T < 1.
UnrollPlan plan_unroll(Step T, std::span<const StepProfile> tapes, const StepSpeed& speed,
                       const DiskCosts& disk, const Budget& budget);
inline UnrollPlan plan_unroll(Step T, const StepProfile& step, const StepSpeed& speed, const DiskCosts& disk,
                              const Budget& budget) {
  return plan_unroll(T, std::span(&step, 1), speed, disk, budget);
}

}  // namespace autodiff
