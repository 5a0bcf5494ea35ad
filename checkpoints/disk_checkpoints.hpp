// DiskCheckpoints: keeps the states of an unroll that don't fit in RAM in one file of fixed slots, with one
// I/O thread.
//
// A scratch file: its space is allocated before the unroll starts, and it is unlinked at once, so that no
// file remains however the process ends. Every slot has a checksum in RAM. As for autodiff::CheckpointStore:
// used by one thread, in addition to its own.
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
  /// Creates the file in `directory`, which must exist. Throws IoError naming the folder, the reason and the
  /// fix if the disk is full, read-only, or there is no such folder.
  DiskCheckpoints(FileSystem& files, const std::string& directory, autodiff::Slot slots,
                  std::size_t state_bytes);
  /// Waits for transfers in progress.
  ~DiskCheckpoints() override;

  /// All methods throw the IoError of an earlier failed transfer: can't be written, can't be read, damaged
  /// between writing and reading.
  void store(autodiff::Slot slot, std::span<const std::byte> state) override;
  void prefetch(autodiff::Slot slot) override;
  void load(autodiff::Slot slot, std::span<std::byte> state) override;
  double waited_seconds() const override { return waited_; }
  /// Waits until all stored states are on the disk itself, and drops them from the page cache, so that the
  /// next loads read the disk.
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
  std::vector<std::uint64_t> checksums_;  // by slot; used only by the I/O thread
  std::array<std::vector<std::byte>, autodiff::kWriteBuffers> out_;
  std::vector<std::byte> in_;
  autodiff::Slot ahead_ = -1;  // the slot that is prefetched and not loaded yet
  double waited_ = 0;

  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // the first one is in progress
  std::array<bool, autodiff::kWriteBuffers> busy_{};
  bool read_done_ = false, stop_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

/// Measures the seconds to write a state to the disk itself and to read it back, averaged over states of at
/// most most_bytes in total (at least one state). Throws IoError.
autodiff::DiskCosts measure_disk(FileSystem& files, const std::string& directory, std::size_t state_bytes,
                                 std::size_t most_bytes);

}  // namespace checkpoints
