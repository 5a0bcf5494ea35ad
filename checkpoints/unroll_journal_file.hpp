// UnrollJournalFile: the progress of an unroll in a file, replaced as a whole, so that after a crash at any
// moment the one before or the new one is there.
//
//   "MLJOURN1" | key | generation | progress | XXH3 checksum of all that stands before
// Key, generation and checksum are 8 bytes each, little-endian.
//
// It is no snapshot: a program of another version, or a machine with other kernels, starts the unroll again.
// A disk that can't be written to ends no unroll: what was kept before stays, and the next progress is tried
// again. Used by the one thread that runs the unroll.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "autodiff/unroll/unroll_journal.hpp"
#include "checkpoints/file_system.hpp"

namespace checkpoints {

/// "window-7.journal": its name in a run directory, for the window of task 7.
std::string journal_name(std::uint64_t task);
bool is_journal_name(std::string_view name);

class UnrollJournalFile : public autodiff::UnrollJournal {
 public:
  using Clock = std::chrono::steady_clock;

  /// path: there may be a file or none. key: whatever tells this unroll from all others. Due so many seconds
  /// from now on, then every so many seconds, but not so often that keeping them takes more than kShare of
  /// the time; in the end, so many seconds from `since` on: when the work began that this unroll is a part
  /// of. generation: of the run that the work starts from, which the file tells whoever does not know the
  /// key.
  UnrollJournalFile(FileSystem& files, std::string path, std::uint64_t key, double seconds,
                    Clock::time_point since = Clock::now(), std::int64_t generation = 0);
  ~UnrollJournalFile() override;

  static constexpr double kShare = 0.05;

  /// False where there is no file, or it is another unroll's, cut off or damaged: the unroll then starts from
  /// its beginning. Throws IoError where the disk fails.
  bool resume() override;
  /// What is wrong with the file where resume() gave false: it is "damaged" or "of another plan"; empty:
  /// there is none.
  std::string_view passed_over() const { return passed_over_; }
  /// Whether there is a file, of this generation as it says. Throws IoError where the disk fails.
  bool is_of_generation();
  /// Throws IoError where the disk fails, or there are fewer bytes.
  void read(std::span<std::byte> bytes) override;

  /// Why a progress could not be kept, naming the file, the reason and the fix; empty: all were.
  const std::string& failure() const { return failure_; }

  bool is_due(bool is_end) override;
  void begin() override;
  void write(std::span<const std::byte> bytes) override;
  std::string commit() override;
  /// The file goes, if there is one.
  void remove();

 private:
  struct Hash;
  bool open();
  std::string_view what_is_wrong();
  std::size_t read_at(std::uint64_t at, std::span<std::byte> bytes);
  template <class F>
  void attempt(F f);

  FileSystem& files_;
  std::string path_;
  std::uint64_t key_, at_ = 0;
  double seconds_;   // between two progresses
  double took_ = 0;  // the one before
  Clock::time_point since_, begun_, ended_ = Clock::now();
  std::int64_t generation_;
  int file_ = -1;
  std::string_view passed_over_;
  std::string failure_, lost_;        // of any progress, and of the latest one
  std::unique_ptr<DurableFile> out_;  // none: this progress can't be kept
  std::unique_ptr<Hash> hash_;
};

}  // namespace checkpoints
