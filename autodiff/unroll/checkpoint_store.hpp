// CheckpointStore: where an unroll keeps the states that don't fit in RAM: fixed slots of one size, written
// behind and read ahead.
//
// The schedule is known, so a state that will be loaded is asked for in time (prefetch). Used by the one
// thread that runs the unroll; errors of a transfer come out of the next call. (In RAM the slots are a part
// of the unroll's arena: unroll.hpp.)
#pragma once
#include <cstddef>
#include <span>

#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

/// Buffers that a store has in RAM: for states on their way out, and for a state read ahead.
inline constexpr int kWriteBuffers = 2, kReadBuffers = 1;

/// Bytes that a store has in RAM: the buffers, and a checksum of every slot.
inline std::size_t store_bytes(Slot slots, std::size_t state_bytes) {
  return (kWriteBuffers + kReadBuffers) * state_bytes +
         static_cast<std::size_t>(slots) * sizeof(std::uint64_t);
}

class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;
  /// Copies the state and returns; waits only while all write buffers are on their way.
  virtual void store(Slot slot, std::span<const std::byte> state) = 0;
  /// Begins to read what was stored last in the slot. One at a time.
  virtual void prefetch(Slot slot) = 0;
  /// The state that was stored last in the slot, to the bit: a store that can't give it throws.
  virtual void load(Slot slot, std::span<std::byte> state) = 0;
  /// Time that the calls have spent waiting for transfers.
  virtual double waited_seconds() const = 0;
};

}  // namespace autodiff
