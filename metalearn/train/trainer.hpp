// Trainer: the outer loop. Runs windows of in-flight tasks, averages their gradients, updates theta, saves
// snapshots; resumes with the same bits.
//
// One thread calls run(), which uses config.threads threads. It never prints: progress goes to the caller.
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

  /// Starts a run in `directory` (created if missing) and saves update 0, with the ages of the in-flight
  /// tasks spread. That takes a while: on_progress is called when each in-flight task begins (events:
  /// "preparing task 3 of 16"; one call at a time, from any of the threads). Returns null if on_progress
  /// returns false or stop true. A start that stops or fails removes everything it made. Throws UsageError if
  /// the directory holds snapshots (naming `metalearn resume`) or another program's files of the same names,
  /// IoError if it cannot be written, and what loading the data throws.
  static std::unique_ptr<Trainer> start(const Config& config, const std::string& directory,
                                        const OnProgress& on_progress = {}, const Stop& stop = {});
  /// Resumes from the newest snapshot, with these keys changed. A finished run is opened without its data,
  /// and run() does nothing. Throws NoInput if there is nothing to resume, BadData if the snapshot is damaged
  /// or the data is not what the run began with.
  static std::unique_ptr<Trainer> resume(const std::string& directory, const ConfigChanges& changes = {});
  ~Trainer();

  const Config& config() const;
  std::string newest_snapshot()
      const;                    ///< path of the newest one saved or resumed from; do not call during run()
  std::int64_t update() const;  ///< updates done
  std::string memory_plan() const;  ///< the plan for the memory budget, one line; empty without a budget
  bool has_progress() const;        ///< whether a resume continues inside interrupted windows
  /// Why window progress was lost when run() was stopped, naming the file; empty if it was saved.
  std::string lost_progress() const;
  const std::vector<float>& theta() const;
  /// Debiased moving average: the theta to validate and evaluate.
  const std::vector<float>& theta_average() const;
  /// Trains until config().updates are done, on_update returns false, or stop (asked between inner steps)
  /// returns true. An unfinished update is then dropped and the state before it is saved; the progress of its
  /// windows is saved separately, and a resume continues from it. Saves as configured, at every best
  /// validation, and at the end; in the background, all durable when run() returns. Throws
  /// checkpoints::Diverged if most tasks of several consecutive updates were dropped, theta left the range of
  /// float32, or theta did worse than random initialisation in several validations (divergence.hpp); earlier
  /// snapshots stay. Throws IoError at the first update after a failed save.
  void run(const OnProgress& on_update, const Stop& stop = {});

  struct Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalearn
