// BackgroundSaver: saves a run directory's snapshots on a thread of their own, while training goes on.
//
// The caller hands over a copy of its state (the archive) and goes on at once. One save at a time: handing
// over the next waits for the one before, so every state handed over is saved, in order. What a save threw
// comes out of the next call. save, check, wait: one thread. While a save runs, nobody else may use the run
// directory.
#pragma once
#include <cstdint>
#include <functional>
#include <future>

#include "checkpoints/archive.hpp"
#include "checkpoints/run_directory.hpp"

namespace checkpoints {

class BackgroundSaver {
 public:
  /// before: runs ahead of each save on its thread, for what has to be on the disk before the snapshot is.
  explicit BackgroundSaver(RunDirectory& run, std::function<void()> before = {});
  /// Waits for the save that runs; what it throws is lost.
  ~BackgroundSaver();
  BackgroundSaver(const BackgroundSaver&) = delete;
  BackgroundSaver& operator=(const BackgroundSaver&) = delete;

  /// RunDirectory::save, later. Throws what the save before threw; this one is then not begun.
  void save(std::int64_t generation, Archive archive, Retention retention);
  /// Throws what a save that has ended threw. Does not wait.
  void check();
  /// Returns when everything handed over is durable; throws what the last save threw.
  void wait();

 private:
  RunDirectory& run_;
  std::function<void()> before_;
  std::future<void> running_;
};

}  // namespace checkpoints
