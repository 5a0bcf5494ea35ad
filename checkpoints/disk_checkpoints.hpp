// DiskCheckpoints: the states of an unroll that don't fit in RAM, in one file of fixed slots behind one
// thread.
//
// Scratch: the file's room is taken from the disk before the unroll starts, and its name goes at once, so
// that nothing is left behind however the process ends. Every slot is under a checksum that stays in RAM. As
// autodiff::CheckpointStore: used by one thread beside its own.
#pragma once
#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "autodiff/unroll/checkpoint_store.hpp"
#include "autodiff/unroll/simulate.hpp"
#include "checkpoints/file_system.hpp"

namespace checkpoints {

class DiskCheckpoints final : public autodiff::CheckpointStore {
 public:
  /// Makes the file in `directory`, which has to be there. Throws IoError naming the folder, the reason and
  /// the fix: no room, read-only, no such folder.
  DiskCheckpoints(FileSystem& files, const std::string& directory, autodiff::Slot slots,
                  std::size_t state_bytes);
  /// Waits for what is under way.
  ~DiskCheckpoints() override;

  /// All throw the IoError of an earlier transfer that failed: can't be written, can't be read, damaged
  /// between writing and reading.
  void store(autodiff::Slot slot, std::span<const std::byte> state) override;
  void prefetch(autodiff::Slot slot) override;
  void load(autodiff::Slot slot, std::span<std::byte> state) override;
  double waited_seconds() const override { return waited_; }
  /// Waits until all that was stored is on the disk itself, and lets the system's copy in memory go: what is
  /// loaded next comes from there.
  void settle();

 private:
  struct Job {
    bool write;
    autodiff::Slot slot;
    std::size_t buffer;
  };
  void work();
  void transfer(const Job& job);
  void begin_read(autodiff::Slot slot);
  [[noreturn]] void fail(const char* what, int error) const;
  template <class Ready>
  std::unique_lock<std::mutex> wait(Ready ready);
  std::size_t checked(autodiff::Slot slot, std::size_t bytes) const;

  FileSystem& files_;
  std::string directory_;
  std::size_t state_bytes_;
  int file_ = -1;
  std::vector<std::uint64_t> checksums_;  // by slot; only the thread uses them
  std::array<std::vector<std::byte>, autodiff::kWriteBuffers> out_;
  std::vector<std::byte> in_;
  autodiff::Slot ahead_ = -1;  // the slot that was asked for last and not loaded yet
  double waited_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // the first one is under way
  std::array<bool, autodiff::kWriteBuffers> busy_{};
  bool read_done_ = false, stop_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

/// Seconds in which a state is written to the disk itself and read back from there, on average over some that
/// take at most most_bytes together (one at least). Throws IoError.
autodiff::DiskCosts measure_disk(FileSystem& files, const std::string& directory, std::size_t state_bytes,
                                 std::size_t most_bytes);

}  // namespace checkpoints
