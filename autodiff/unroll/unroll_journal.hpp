// UnrollJournal: where an unroll that takes long keeps its progress, so that one that was killed goes on in
// the middle, to the same bits.
//
// A progress is a stream of bytes that only the same unroll (segment, schedule, phi_0, theta) understands;
// the journal keeps the latest one, whole or not at all. Used by the one thread that runs the unroll, between
// two steps. A progress that can't be kept is no reason to end the unroll: begin(), write() and commit() then
// do without.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace autodiff {

class UnrollJournal {
 public:
  virtual ~UnrollJournal() = default;
  /// Whether a progress of this unroll was kept; it is then read from its beginning.
  virtual bool resume() = 0;
  /// The next bytes of it. Throws where there are fewer.
  virtual void read(std::span<std::byte> bytes) = 0;

  /// Whether it is time to keep one; is_end: the last one, of the unroll at its end.
  virtual bool is_due(bool is_end) = 0;
  virtual void begin() = 0;
  virtual void write(std::span<const std::byte> bytes) = 0;
  /// What was written since begin() takes the place of what was kept before. Gives why it can't; empty: it
  /// does.
  virtual std::string commit() = 0;
};

}  // namespace autodiff
