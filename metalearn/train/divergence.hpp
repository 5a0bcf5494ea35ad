// Divergence: when a run should end although all its windows are finite. Validations decide. Training windows
// only raise a suspicion: an update sees few tasks, some easy and some hard.
//
// A pure function, and a plain value for one thread. The thresholds are [ours].
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {

/// A run counts as diverged after this many consecutive validations, all after the warm-up, in which theta
/// does worse than random initialisation.
inline constexpr int kWorseValidations = 5;
/// Theta does better if at some evaluation step the objective (0 .. 2) is lower, or the accuracy higher, than
/// at step 0 by this margin. It does worse if at every evaluation step the objective is higher by this margin
/// and the accuracy is lower.
inline constexpr double kMargin = 0.02;
/// Margin by which the objective must be higher if theta never did better.
inline constexpr double kFarWorse = 0.1;
/// The run does not end if within these validations the excess of the objective over evaluation step 0
/// shrinks by this share: training is recovering.
inline constexpr double kMending = 0.1;

/// Whether the validation steps allow a judgement: they include step 0 and a later one.
bool tells_divergence(const Config& config);

/// Why the validations count a run as diverged; empty if they do not. An evaluation step at which the
/// representations of any task are not finite counts as infinitely worse.
std::string divergence(const std::vector<Validated>& history, const Config& config);

/// Watches the objective of training windows, the only signal of a run without validations. It is suspicious
/// if its mean over the last updates is far above that of the first update, which used the initial theta.
class WindowWatch {
 public:
  static constexpr std::size_t kUpdates = 50;

  /// windows: per update. With fewer windows, the first update depends more on its tasks (the objective of a
  /// window has a standard deviation of about 0.3), so the margin is wider.
  explicit WindowWatch(std::int64_t windows);

  /// Call for each update in order, starting with the first. objective: mean over its windows after their
  /// last inner step; NaN if all were dropped. It is rounded as in metrics.csv, so that a resumed run, which
  /// reads it from there, judges alike. Without the first update nothing is judged.
  void add(std::int64_t update, double objective);
  /// Adds the rows of a metrics.csv up to `update`.
  void add(const std::string& metrics_text, std::int64_t update);
  /// What is suspicious; empty if nothing is.
  std::string suspicion() const;

 private:
  double margin_;
  std::optional<double> first_;
  std::deque<double> last_;
};

}  // namespace metalearn
