// CheckpointStore: holds the states of an unroll that don't fit in RAM, in fixed slots of one size, with
// asynchronous writes and prefetched reads.
//
// The schedule is known in advance, so states are prefetched before they are loaded. Used only by the thread
// that runs the unroll; the next call throws the error of a failed transfer. (Slots in RAM are part of the
// unroll's arena: unroll.hpp.)
#pragma once
#include <cstddef>
#include <span>

#include "autodiff/unroll/schedules/schedule.hpp"

namespace autodiff {

/// Buffers of a store in RAM: for states being written, and for a prefetched state.
inline constexpr int kWriteBuffers = 2, kReadBuffers = 1;

/// Bytes of a store in RAM: the buffers, and a checksum per slot.
inline std::size_t store_bytes(Slot slots, std::size_t state_bytes) {
  return (kWriteBuffers + kReadBuffers) * state_bytes +
         static_cast<std::size_t>(slots) * sizeof(std::uint64_t);
}

class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;
  /// Copies the state and returns; waits only while all write buffers are in use.
  virtual void store(Slot slot, std::span<const std::byte> state) = 0;
  /// Starts to read the state stored last in the slot. One prefetch at a time.
  virtual void prefetch(Slot slot) = 0;
  /// Reads the state stored last in the slot, bit for bit. Throws if the store can't.
  virtual void load(Slot slot, std::span<std::byte> state) = 0;
  /// Total time for which calls waited for transfers.
  virtual double waited_seconds() const = 0;
};

}  // namespace autodiff
