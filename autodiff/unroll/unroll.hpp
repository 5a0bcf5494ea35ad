// unroll: carries out a schedule over a segment. The same bits for every schedule.
//
// Steps are reversed in one order, so d/dtheta is summed in one order, and a state is computed by the same
// replay however often. That this holds is verified: a checksum of every phi_t of the first sweep is compared
// whenever phi_t is computed again, loaded, or read from a journal (which keeps these checksums too). One
// thread; the segment's kernels may use more.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "autodiff/plan/arena.hpp"
#include "autodiff/unroll/checkpoint_store.hpp"
#include "autodiff/unroll/schedules/schedule.hpp"
#include "autodiff/unroll/segment.hpp"
#include "autodiff/unroll/simulate.hpp"
#include "autodiff/unroll/unroll_journal.hpp"

namespace autodiff {

/// A state came out with other bits than the first time: memory or processor can't be trusted (or a kernel is
/// not deterministic).
struct RecomputationMismatch : std::runtime_error {
  RecomputationMismatch(Step t, std::optional<bool> agrees, const std::string& why);
  Step step;                         ///< t of the state phi_t, which step t starts from
  std::optional<bool> again_agrees;  ///< whether computing or loading it once more gave the bits of the first
                                     ///< time; none where that was not tried
  std::string reason;                ///< what(), but for the words that name the state
};

/// The unroll was asked to stop, and did, between two steps.
struct UnrollStopped : std::runtime_error {
  explicit UnrollStopped(std::string why_lost)
      : std::runtime_error("the unroll was stopped"), lost(std::move(why_lost)) {}
  std::string lost;  ///< why the journal could not keep its progress; empty: it did, or there is none
};

/// Per step t, in doubles.
struct UnrollTelemetry {
  std::vector<double> adjoint_norm;       ///< Euclidean norm of the adjoint of phi_t
  std::vector<double> contribution_norm;  ///< of what step t adds to d/dtheta
  double waited_seconds = 0;              ///< for the disk, by this process
  bool went_on = false;                   ///< from the progress in the journal
};

/// Bytes of one slot for states of so many numbers of so many bytes: whole cache lines.
std::size_t slot_bytes(std::size_t state_size, std::size_t number_bytes);
/// Slots that a tape of so many numbers takes; 0 for none.
Slot slots_of_tape(std::size_t tape_size, std::size_t state_size, std::size_t number_bytes);
/// Bytes of the arena beside the slots: three states, two adjoints, d/dtheta of a step and so far.
std::size_t unroll_fixed_bytes(std::size_t state_size, std::size_t theta_size, std::size_t number_bytes);
/// Bytes beside the arena: a schedule of T steps at its longest, a checksum and the telemetry of every step.
std::size_t most_bookkeeping_bytes(Step T);

/// Reverses the unroll from phi_0. phi: phi_0, in the end phi_T. adjoint: of phi_T from outside, in the end
/// of phi_0 (in windows: of the state that the last window starts from). d/dtheta is added to gradient in the
/// order in which the steps are reversed. The arena grows to, and is used up to, exactly the schedule's peak
/// plus unroll_fixed_bytes(). disk: needed where the schedule has disk slots, with as many of the state's
/// bytes. journal: if it has a progress of this unroll, the unroll goes on from there; while it runs, a
/// progress is kept where one is due, and in the end also where there is one. stop: asked between steps
/// (empty: never). Where it says yes a progress is kept, due or not, and UnrollStopped thrown. Throws
/// std::invalid_argument for what doesn't fit together, RecomputationMismatch, and what segment, disk and
/// journal throw; phi, adjoint and gradient are then as they were.
template <class T>
UnrollTelemetry unroll(Segment<T>& segment, const Schedule& schedule, std::span<T> phi, std::span<T> adjoint,
                       std::span<T> gradient, Arena& arena, CheckpointStore* disk = nullptr,
                       UnrollJournal* journal = nullptr, const std::function<bool()>& stop = {});

}  // namespace autodiff
