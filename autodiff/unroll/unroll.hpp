// unroll: executes a schedule over a segment. Every schedule gives the same bits.
//
// All schedules reverse the steps, and so sum d/dtheta, in the same order, and recompute states by the same
// steps. This is verified: the checksum of each phi_t of the first forward sweep is compared whenever phi_t
// is recomputed, loaded, or read from a journal (which saves these checksums too). One thread; the segment's
// kernels may use more.
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

/// A recomputed or loaded state differs from its first computation: memory or processor can't be trusted (or
/// a kernel is not deterministic).
struct RecomputationMismatch : std::runtime_error {
  RecomputationMismatch(Step t, std::optional<bool> agrees, const std::string& why);
  Step step;                         ///< t of the state phi_t, the input of step t
  std::optional<bool> again_agrees;  ///< whether a second recomputation or load gave the first
                                     ///< bits; empty if not tried
  std::string reason;                ///< what() without the words that name the state
};

/// The unroll stopped between two steps, as requested.
struct UnrollStopped : std::runtime_error {
  explicit UnrollStopped(std::string why_lost)
      : std::runtime_error("the unroll was stopped"), lost(std::move(why_lost)) {}
  std::string lost;  ///< why the progress could not be saved; empty: it was, or there is no journal
};

/// Per step t, in doubles.
struct UnrollTelemetry {
  std::vector<double> adjoint_norm;       ///< Euclidean norm of the adjoint of phi_t
  std::vector<double> contribution_norm;  ///< of the contribution of step t to d/dtheta
  double waited_seconds = 0;              ///< for the disk, by this process
  bool went_on = false;                   ///< resumed from the journal
};

/// Bytes of one slot: a state of state_size numbers, rounded up to whole cache lines.
std::size_t slot_bytes(std::size_t state_size, std::size_t number_bytes);
/// Slots that a tape of tape_size numbers takes; 0 if there is no tape.
Slot slots_of_tape(std::size_t tape_size, std::size_t state_size, std::size_t number_bytes);
/// Bytes of the arena in addition to the slots: three states, two adjoints, d/dtheta of one step and its sum
/// so far.
std::size_t unroll_fixed_bytes(std::size_t state_size, std::size_t theta_size, std::size_t number_bytes);
/// Upper bound of the bytes outside the arena: the longest schedule of T steps, checksums and telemetry.
std::size_t most_bookkeeping_bytes(Step T);

/// Reverses the unroll from phi_0. phi: in phi_0, out phi_T. adjoint: in the adjoint of phi_T, out that of
/// phi_0 (in windows: of the state that the last window starts from). d/dtheta is added to gradient in the
/// order in which the steps are reversed. The arena grows to exactly the schedule's peak plus
/// unroll_fixed_bytes(). disk: required if the schedule has disk slots, with that many slots of one state
/// each. journal: if it holds saved progress of this unroll, the unroll resumes from it; while running,
/// progress is saved whenever it is due (is_due), and at the end also if the journal already holds some.
/// stop: called between steps (empty: never). If it returns true, progress is saved, due or not, and
/// UnrollStopped is thrown. Throws std::invalid_argument if the arguments don't match, RecomputationMismatch,
/// and whatever segment, disk and journal throw; phi, adjoint and gradient are then unchanged.
template <class T>
UnrollTelemetry unroll(Segment<T>& segment, const Schedule& schedule, std::span<T> phi, std::span<T> adjoint,
                       std::span<T> gradient, Arena& arena, CheckpointStore* disk = nullptr,
                       UnrollJournal* journal = nullptr, const std::function<bool()>& stop = {});

}  // namespace autodiff
