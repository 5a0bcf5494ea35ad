// UnrollJournalFile: saved progress of an unroll in a file that is replaced atomically, so that after a crash
// at any moment either the previous or the new one is there.
//
//   "MLJOURN1" | key | generation | progress | XXH3 checksum of all bytes before it
// Key, generation and checksum are 8 bytes each, little-endian.
//
// It is not a snapshot: another version of the program, or a machine with other kernels, starts the unroll
// again. A write error does not end the unroll: the previous saved progress stays, and saving is tried again
// when next due. Used only by the thread that runs the unroll.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "autodiff/unroll/unroll_journal.hpp"
#include "checkpoints/file_system.hpp"

namespace checkpoints {

/// "window-7.journal": the name in a run directory for the window of task 7.
std::string journal_name(std::uint64_t task);
bool is_journal_name(std::string_view name);

class UnrollJournalFile : public autodiff::UnrollJournal {
 public:
  using Clock = std::chrono::steady_clock;

  /// path: may or may not exist. key: identifies this unroll. Saving is due `seconds` after construction and
  /// then every `seconds`, but no more often than takes kShare of the time; at the end of the unroll it is
  /// due if `seconds` have passed since `since`, when the work that the unroll is part of began. generation:
  /// the run's generation at the start of that work; readable from the file without the key.
  UnrollJournalFile(FileSystem& files, std::string path, std::uint64_t key, double seconds,
                    Clock::time_point since = Clock::now(), std::int64_t generation = 0);
  ~UnrollJournalFile() override;

  static constexpr double kShare = 0.05;

  /// False if there is no file, or it belongs to another unroll, is truncated or damaged: the unroll then
  /// starts from its beginning. Throws IoError if the disk fails.
  bool resume() override;
  /// Why resume() skipped the file: it is "damaged" or "of another plan"; empty: there is none.
  std::string_view passed_over() const { return passed_over_; }
  /// Whether there is a file whose header names this generation. Throws IoError if the disk fails.
  bool is_of_generation();
  /// Throws IoError if the disk fails or there are fewer bytes.
  void read(std::span<std::byte> bytes) override;

  /// Why saving failed at any time, naming the file, the reason and the fix; empty: it never failed.
  const std::string& failure() const { return failure_; }

  bool is_due(bool is_end) override;
  void begin() override;
  void write(std::span<const std::byte> bytes) override;
  std::string commit() override;
  /// Removes the file, if there is one.
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
  double seconds_;   // between two saves
  double took_ = 0;  // seconds, of the previous save
  Clock::time_point since_, begun_, ended_ = Clock::now();
  std::int64_t generation_;
  int file_ = -1;
  std::string_view passed_over_;
  std::string failure_, lost_;        // of any save, and of the latest one
  std::unique_ptr<DurableFile> out_;  // null: this save failed
  std::unique_ptr<Hash> hash_;
};

}  // namespace checkpoints
