// simulate: a dry run of a schedule without numerics: checks that it is legal and reverses every step, and
// computes its cost.
//
// Used for the printed plan, as the oracle of the tests and as the check at run time: unroll() does exactly
// what it predicts. A pure function.
#pragma once
#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

/// Cost of one action. evaluations: forward arithmetic in units of one forward step, including what the
/// reverse recomputes within its step.
struct ActionCost {
  double seconds = 0;
  double evaluations = 0;
};

/// REQUIRES turn = record + reverse: a turn does both, with the working tape.
struct StepCosts {
  ActionCost advance{1, 1}, record{1, 1}, reverse{0, 0}, turn{1, 1};
};

/// Seconds that the store's thread takes to write or read one state.
struct DiskCosts {
  double write_seconds = 0;
  double read_seconds = 0;
};

struct StepSizes {
  std::size_t state_bytes = 1;  ///< of one slot
  std::size_t tape_bytes = 0;   ///< of a kept tape; 0: none can be kept
};

struct Simulation {
  std::int64_t advances = 0, records = 0, turns = 0;  ///< steps run forward, one by one
  std::int64_t stores = 0, loads = 0, disk_writes = 0, disk_reads = 0;
  double evaluations = 0;
  double seconds = 0;                              ///< including waits for the disk
  double waiting_seconds = 0;                      ///< for the disk
  std::size_t peak_bytes = 0;                      ///< of the slots in RAM: the highest end of a used one
  std::size_t disk_bytes = 0;                      ///< of the file
  std::size_t written_bytes = 0, read_bytes = 0;   ///< to and from disk
  Slot ram_checkpoints = 0, disk_checkpoints = 0;  ///< states, maximum at one time
  Slot tapes = 0;                                  ///< kept, maximum at one time
};

/// The disk is assumed to have the buffers of checkpoint_store.hpp. Throws std::invalid_argument "[schedule
/// NAME] action 17, load 5 from slot 3: ..." if an action is illegal, a step is reversed out of order, or a
/// slot is not empty at the end.
Simulation simulate(const Schedule& schedule, const StepSizes& sizes = {}, const StepCosts& costs = {},
                    const DiskCosts& disk = {});

}  // namespace autodiff
