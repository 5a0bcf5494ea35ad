// budget: the schedule of an unroll that keeps within a memory budget, and what it will cost. Pure: what is
// planned is what unroll() does.
//
// A step may offer several tapes: the smaller ones take less memory and compute more of the step again
// (transform/sub_segments.hpp). The tape and the schedule are chosen together. More memory or disk never
// costs more evaluations, and never more seconds at equal speed: every schedule here gets cheaper with its
// slots, seconds grow with evaluations alone, and the disk is used only where a state is written and read in
// less time than a step runs forward, so that it is never waited for.
#pragma once
#include <span>
#include <stdexcept>

#include "autodiff/unroll/simulate.hpp"

namespace autodiff {

/// What the planner has to know of a segment (segment.hpp) with one of its tapes.
struct StepProfile {
  std::size_t state_size = 0, theta_size = 0;
  std::size_t tape_size = 0;  ///< 0: tapes can't be kept. In more than 512 steps none is that leaves more
                              ///< than 0.3 evaluations to do again
  std::size_t number_bytes = 4;
  std::size_t working_bytes = 0;  ///< of the step's own arena
  double recomputed = 0;          ///< evaluations that the reverse of a step does again, within the step
};

/// How fast steps run, whatever their tape.
struct StepSpeed {
  double forward_seconds = 1;  ///< of one evaluation
  double reverse_seconds = 1;  ///< of taking an adjoint back through a step, its evaluations not counted
};

/// What the parts of a step cost.
StepCosts step_costs(const StepProfile& step, const StepSpeed& speed);

struct Budget {
  std::size_t memory_bytes = 0;
  std::size_t disk_bytes = 0;
};

struct UnrollPlan {
  std::size_t tape = 0;  ///< which of the tapes that were offered
  Schedule schedule;
  Simulation predicted;
  std::size_t arena_bytes = 0;  ///< the high-water mark of unroll()'s arena
  std::size_t peak_bytes = 0;   ///< that, the step's working bytes, the buffers of the disk store, and the
                                ///< schedule with what is noted of each step
  double evaluations_per_step = 0;
  double lower_bound_evaluations = 0;  ///< of the whole unroll, in any memory
  bool disk_too_slow = false;          ///< a disk was offered and left alone
};

/// No schedule fits.
struct BudgetTooSmall : std::runtime_error {
  BudgetTooSmall(std::size_t least, const std::string& message)
      : std::runtime_error(message), smallest_bytes(least) {}
  std::size_t smallest_bytes;  ///< of memory, with which one does
};

/// The smallest memory with which T steps can be reversed: with one slot, in T (T+1) / 2 forward steps.
std::size_t smallest_memory(Step T, std::span<const StepProfile> tapes);
inline std::size_t smallest_memory(Step T, const StepProfile& step) {
  return smallest_memory(T, std::span(&step, 1));
}

/// tapes: of one step, at least one; where two are as good, the first is taken.
/// Throws BudgetTooSmall naming the smallest budget that works, std::invalid_argument where T < 1.
UnrollPlan plan_unroll(Step T, std::span<const StepProfile> tapes, const StepSpeed& speed,
                       const DiskCosts& disk, const Budget& budget);
inline UnrollPlan plan_unroll(Step T, const StepProfile& step, const StepSpeed& speed, const DiskCosts& disk,
                              const Budget& budget) {
  return plan_unroll(T, std::span(&step, 1), speed, disk, budget);
}

}  // namespace autodiff
