// Segment: one step of an unroll as the unroll sees it: a state that goes forward, and an adjoint that comes
// back.
//
// phi is an array of state_size() numbers. Step t is the same function of (theta, phi, t) whenever and
// however often it is run: to the bit, whichever of the methods runs it. The segment knows theta, and what
// step t reads beside phi. One thread at a time.
#pragma once
#include <cstddef>
#include <span>

#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

template <class T>
class Segment {
 public:
  virtual ~Segment() = default;
  virtual std::size_t state_size() const = 0;  ///< numbers of phi
  virtual std::size_t theta_size() const = 0;
  /// Numbers of a tape as record() keeps it; 0: record() and reverse() are not offered, and schedules that
  /// keep tapes neither.
  virtual std::size_t tape_size() const = 0;
  /// What was noted of the steps that were run, for whoever reads it in the end: goes into the journal of an
  /// unroll and comes back from there.
  virtual std::span<std::byte> notes() { return {}; }
  /// Bytes that the methods work in, the working tape included; exact once each has run.
  virtual std::size_t working_bytes() const = 0;

  // What the methods give is written, not added, to memory of its own: it overlaps nothing that is read.

  /// next = phi_{t+1}.
  virtual void advance(Step t, std::span<const T> phi, std::span<T> next) = 0;

  /// advance() and reverse step t at once: the adjoint of phi_t from that of phi_{t+1}, and contribution,
  /// what the step adds to d/dtheta.
  virtual void turn(Step t, std::span<const T> phi, std::span<T> next, std::span<const T> adjoint_next,
                    std::span<T> adjoint, std::span<T> contribution) = 0;

  /// The two halves of turn(). phi is not there any more when reverse() is called: what it needs of phi has
  /// to be in the tape.
  virtual void record(Step t, std::span<const T> phi, std::span<T> next, std::span<T> tape) = 0;
  virtual void reverse(Step t, std::span<const T> tape, std::span<const T> adjoint_next, std::span<T> adjoint,
                       std::span<T> contribution) = 0;
};

}  // namespace autodiff
