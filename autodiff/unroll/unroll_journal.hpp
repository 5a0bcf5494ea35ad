// UnrollJournal: saves the progress of a long unroll, so that a killed one resumes in the middle, to the same
// bits.
//
// Saved progress is a stream of bytes that only the same unroll (segment, schedule, phi_0, theta) can read;
// the journal keeps the latest one, replaced atomically. Used only by the thread that runs the unroll,
// between two steps. A failure to save does not end the unroll: begin(), write() and commit() do not throw
// then.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace autodiff {

class UnrollJournal {
 public:
  virtual ~UnrollJournal() = default;
  /// Whether there is saved progress of this unroll; read() then starts at its beginning.
  virtual bool resume() = 0;
  /// Reads the next bytes. Throws if there are fewer.
  virtual void read(std::span<std::byte> bytes) = 0;

  /// Whether it is time to save progress; is_end: the unroll has ended.
  virtual bool is_due(bool is_end) = 0;
  virtual void begin() = 0;
  virtual void write(std::span<const std::byte> bytes) = 0;
  /// Replaces the saved progress by what was written since begin(). Returns why that failed, or empty.
  virtual std::string commit() = 0;
};

}  // namespace autodiff
