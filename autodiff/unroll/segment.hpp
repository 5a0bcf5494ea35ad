// Segment: the interface of one unroll step: a forward map of the state, and a reverse map of the adjoint.
//
// phi is an array of state_size() numbers. Step t is the same function of (theta, phi, t), bit for bit, every
// time it runs and whichever method runs it. The segment holds theta and all other inputs of step t. One
// thread at a time.
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
  /// Numbers in a tape that record() keeps; 0: record(), reverse() and schedules that keep tapes are
  /// unsupported.
  virtual std::size_t tape_size() const = 0;
  /// Records about the steps run so far, for the caller to read at the end; the journal of an unroll saves
  /// and restores them.
  virtual std::span<std::byte> notes() { return {}; }
  /// Bytes of the methods' working memory, including the working tape; exact once each method has run.
  virtual std::size_t working_bytes() const = 0;

  // Outputs are overwritten, not accumulated, and do not overlap any input.

  /// next = phi_{t+1}.
  virtual void advance(Step t, std::span<const T> phi, std::span<T> next) = 0;

  /// Runs step t forward and in reverse: computes phi_{t+1}, the adjoint of phi_t from the adjoint of
  /// phi_{t+1}, and the step's contribution to d/dtheta.
  virtual void turn(Step t, std::span<const T> phi, std::span<T> next, std::span<const T> adjoint_next,
                    std::span<T> adjoint, std::span<T> contribution) = 0;

  /// The two halves of turn(). phi is no longer available in reverse(): the tape must hold what it needs of
  /// phi.
  virtual void record(Step t, std::span<const T> phi, std::span<T> next, std::span<T> tape) = 0;
  virtual void reverse(Step t, std::span<const T> tape, std::span<const T> adjoint_next, std::span<T> adjoint,
                       std::span<T> contribution) = 0;
};

}  // namespace autodiff
