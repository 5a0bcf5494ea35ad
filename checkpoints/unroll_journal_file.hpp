// UnrollJournalFile: the progress of an unroll in a file, replaced as a whole, so that after a crash at any moment the one before or the new one is there.
//
//   "MLJOURN1" | key, 8 bytes | progress | XXH3 checksum of all that stands before, 8 bytes         (little-endian)
//
// It is no snapshot: a program of another version, or a machine with other kernels, starts the unroll again. Used by the one thread that runs the unroll.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "autodiff/unroll/unroll_journal.hpp"
#include "checkpoints/file_system.hpp"

namespace checkpoints {

class UnrollJournalFile final : public autodiff::UnrollJournal {
 public:
  /// path: there may be a file or none. key: whatever tells this unroll from all others. Due every so many seconds, and so long after now.
  UnrollJournalFile(FileSystem& files, std::string path, std::uint64_t key, double seconds);
  ~UnrollJournalFile() override;

  /// False where there is no file, or it is another unroll's, cut off or damaged: the unroll then starts from its beginning. Throws IoError where the disk fails.
  bool resume() override;
  void read(std::span<std::byte> bytes) override;

  const std::string& path() const { return path_; }
  /// Whether there is a file, whoever wrote it: resume() found one, or commit() made one.
  bool is_there() const { return is_there_; }

  bool is_due() override;
  /// These throw IoError naming the file and the reason; what was kept before stays.
  void begin() override;
  void write(std::span<const std::byte> bytes) override;
  void commit() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Hash;
  bool is_whole();
  std::size_t read_at(std::uint64_t at, std::span<std::byte> bytes);

  FileSystem& files_;
  std::string path_;
  std::uint64_t key_, at_ = 0;
  double seconds_;
  Clock::time_point last_ = Clock::now();
  int file_ = -1;
  bool is_there_ = false;
  std::unique_ptr<DurableFile> out_;
  std::unique_ptr<Hash> hash_;
};

}  // namespace checkpoints
