// Trainer: the outer loop. Takes windows from in-flight tasks, averages their gradients, updates theta, saves
// snapshots; resumes with the same bits.
//
// run() is called from one thread and uses config.threads of them inside. It never prints: progress goes to
// the caller.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/config/config.hpp"
#include "metalearn/train/progress.hpp"

namespace metalearn {

/// Keys of a configuration and their new values.
using ConfigChanges = std::map<std::string, std::string>;

class Trainer {
 public:
  using OnProgress = std::function<bool(const Progress&)>;  ///< false: stop

  /// Starts a run in `directory` (made if missing) and saves update 0, ages already spread. That takes a
  /// while: on_progress is called as each in-flight task is begun (events: "preparing task 3 of 16"; one call
  /// at a time, from any of the threads). Where it returns false, or stop true, the result is null. A start
  /// that stops or fails leaves nothing behind that it made. Throws UsageError where the directory holds
  /// snapshots (naming `metalearn resume`) or another program's files of the same names, IoError if it can't
  /// be written, what loading the data throws.
  static std::unique_ptr<Trainer> start(const Config& config, const std::string& directory,
                                        const OnProgress& on_progress = {}, const Stop& stop = {});
  /// Continues from the newest snapshot, with these keys changed. A finished run is opened without its data,
  /// and run() does nothing. Throws NoInput where there is nothing to resume, BadData where the snapshot is
  /// damaged or the data is not what the run was begun with.
  static std::unique_ptr<Trainer> resume(const std::string& directory, const ConfigChanges& changes = {});
  ~Trainer();

  const Config& config() const;
  std::string newest_snapshot()
      const;                        ///< path of the newest one saved, or resumed from; not while run() runs
  std::int64_t update() const;      ///< updates done
  std::string memory_plan() const;  ///< what the memory budget leads to, in a line; empty: there is none
  bool has_progress() const;        ///< whether a resume goes on within windows, where they were interrupted
  /// Why how far a window was could not be kept, when run() was stopped, naming the file; empty: it was.
  std::string lost_progress() const;
  const std::vector<float>& theta() const;
  /// Debiased moving average: what is validated and worth evaluating.
  const std::vector<float>& theta_average() const;
  /// Trains until config().updates are done, on_update returns false, or stop (asked between inner steps)
  /// true: an update that is not whole by then is dropped, and the state before it is what is saved; how far
  /// its windows are is kept beside, and a resume goes on from there. Saves as configured, at every best
  /// validation, and at the end; in the background, all of it durable when run() returns. Throws
  /// checkpoints::Diverged if most tasks of several consecutive updates were dropped, theta left the range of
  /// float32, or it did worse than random initialisation in several validations (divergence.hpp); snapshots
  /// from before stay. IoError at the first update after a save failed.
  void run(const OnProgress& on_update, const Stop& stop = {});

  struct Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalearn
