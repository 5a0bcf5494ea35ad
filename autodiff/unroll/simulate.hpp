// simulate: a dry run of a schedule, without numerics: is it legal, does it reverse every step, and what does
// it cost?
//
// It is the printed plan, the oracle of the tests and the guard at run time: what it predicts is what
// unroll() does. A pure function.
#pragma once
#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

/// What one action takes. evaluations: forward arithmetic in units of one plain forward step, what the
/// reverse recomputes inside its step included.
struct ActionCost {
  double seconds = 0;
  double evaluations = 0;
};

/// REQUIRES turn = record + reverse: a turn is both, its tape being the working tape.
struct StepCosts {
  ActionCost advance{1, 1}, record{1, 1}, reverse{0, 0}, turn{1, 1};
};

/// Seconds in which the store's thread writes or reads one state.
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
  double seconds = 0;                             ///< waiting for the disk included
  double waiting_seconds = 0;                     ///< for the disk
  std::size_t peak_bytes = 0;                     ///< of the slots in RAM: the largest end of what is in them
  std::size_t disk_bytes = 0;                     ///< of the file
  std::size_t written_bytes = 0, read_bytes = 0;  ///< to and from disk
  Slot ram_checkpoints = 0, disk_checkpoints = 0;  ///< states, most at one time
  Slot tapes = 0;                                  ///< kept, most at one time
};

/// The disk has the buffers of checkpoint_store.hpp.
/// Throws std::invalid_argument "[schedule NAME] action 17, load 5 from slot 3: ..." where an action is not
/// legal, a step is not reversed in its turn, or a slot isn't left empty.
Simulation simulate(const Schedule& schedule, const StepSizes& sizes = {}, const StepCosts& costs = {},
                    const DiskCosts& disk = {});

}  // namespace autodiff
