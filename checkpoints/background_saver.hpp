// BackgroundSaver: saves a run directory's snapshots on a background thread while training continues.
//
// The caller hands over a copy of its state (the archive) and continues at once. One save at a time: save()
// waits for the previous save, so all states are saved, in order. The next call rethrows an exception of a
// save. save, check, wait: one thread. While a save runs, no other code may use the run directory.
#pragma once
#include <cstdint>
#include <functional>
#include <future>

#include "checkpoints/archive.hpp"
#include "checkpoints/run_directory.hpp"

namespace checkpoints {

class BackgroundSaver {
 public:
  /// before: runs on the background thread before each save, to write what must be on disk before the
  /// snapshot.
  explicit BackgroundSaver(RunDirectory& run, std::function<void()> before = {});
  /// Waits for a running save; ignores its exception.
  ~BackgroundSaver();
  BackgroundSaver(const BackgroundSaver&) = delete;
  BackgroundSaver& operator=(const BackgroundSaver&) = delete;

  /// RunDirectory::save in the background. Rethrows the exception of the previous save; this one is then not
  /// started.
  void save(std::int64_t generation, Archive archive, Retention retention);
  /// Rethrows the exception of a finished save. Does not wait.
  void check();
  /// Returns when all states handed over are durable; rethrows the exception of the last save.
  void wait();

 private:
  RunDirectory& run_;
  std::function<void()> before_;
  std::future<void> running_;
};

}  // namespace checkpoints
