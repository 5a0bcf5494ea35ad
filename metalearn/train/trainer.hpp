// Trainer: the outer loop. Takes windows from in-flight tasks, averages their gradients, updates theta, saves
// snapshots; resumes with the same bits.
//
// run() is called from one thread and uses config.threads of them inside. It never prints: progress goes to
// the caller.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/base/stop.hpp"
#include "metalearn/config/config.hpp"

namespace metalearn {

/// What one update did; for the progress line and for tests.
struct Progress {
  std::int64_t update = 0, updates = 0;  ///< done so far, to do in all
  double objective_first = 0,
         objective_last = 0;     ///< mean over the windows of this update, first and last step
  double gradient_norm = 0;      ///< of the averaged gradient before clipping
  std::int64_t inner_steps = 0;  ///< of this update
  double seconds = 0;            ///< of this update
  std::int64_t replaced = 0,
               dropped = 0;  ///< tasks that reached their length; tasks that turned non-finite (this update)
  std::vector<std::string>
      events;  ///< one line each: "dropped task 17 (cifar10): objective is not finite at step 34, op ..."
  double seconds_since_save = 0;  ///< age of the newest state that was handed over to be saved
  double save_stall =
      0;  ///< seconds that training stood still for saving, rows of metrics included, since the report before
  double disk_wait = 0;  ///< seconds that the windows of this update waited for states on disk, added up
  std::optional<double> validation_objective,
      validation_accuracy;  ///< set where this update was validated (best mark)
  std::int64_t validation_mark = 0;
};

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
  virtual ~Trainer() = default;

  virtual const Config& config() const = 0;
  virtual std::string newest_snapshot()
      const = 0;  ///< path of the newest one saved, or resumed from; not while run() runs
  virtual std::int64_t update() const = 0;  ///< updates done
  virtual std::string memory_plan()
      const = 0;  ///< what the memory budget leads to, in a line; empty: there is none
  virtual bool has_progress()
      const = 0;  ///< whether a resume goes on within windows, where they were interrupted
  virtual std::string lost_progress() const = 0;  ///< why how far a window was could not be kept, when run()
                                                  ///< was stopped, naming the file; empty: it was
  virtual const std::vector<float>& theta() const = 0;
  virtual const std::vector<float>& theta_average()
      const = 0;  ///< debiased moving average: what is validated and worth evaluating
  /// Trains until config().updates are done, on_update returns false, or stop (asked between inner steps)
  /// true: an update that is not whole by then is dropped, and the state before it is what is saved; how far
  /// its windows are is kept beside, and a resume goes on from there. Saves as configured, at every best
  /// validation, and at the end; in the background, all of it durable when run() returns. Throws
  /// checkpoints::Diverged if most tasks of several consecutive updates were dropped, theta left the range of
  /// float32, or it did worse than random initialisation in several validations (divergence.hpp); snapshots
  /// from before stay. IoError at the first update after a save failed.
  virtual void run(const OnProgress& on_update, const Stop& stop = {}) = 0;
};

}  // namespace metalearn
