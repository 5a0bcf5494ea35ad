// Divergence: when a run whose windows are all finite still is not worth going on with. Judged by its
// validations. Training windows give no more than a suspicion: they are of few tasks at a time, some easy and
// some hard.
//
// Pure function, and a plain value for one thread. The thresholds are [ours].
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {

/// Validations in a row, all of updates after the warm-up, in which theta does worse than random
/// initialisation, after which a run counts as diverged.
inline constexpr int kWorseValidations = 5;
/// Theta does better where after some mark the objective (0 .. 2) is lower, or the accuracy higher, than at
/// mark 0 by this; it does worse where after every mark the objective is higher by this and the accuracy
/// lower.
inline constexpr double kMargin = 0.02;
/// By how much the objective has to be higher where theta never did better.
inline constexpr double kFarWorse = 0.1;
/// No end where within these validations the objective comes nearer to that of mark 0 by this share of what
/// is left: training goes on to mend it.
inline constexpr double kMending = 0.1;

/// Whether validations have what divergence is judged by: mark 0 and another one.
bool tells_divergence(const Config& config);

/// Why a run counts as diverged by its validations; empty: it does not. A mark at which the representations
/// of any task are not finite counts as worse without bound.
std::string divergence(const std::vector<Validated>& history, const Config& config);

/// The objective of training windows, all that a run without validations has: suspicious where its mean over
/// the last updates is far above that of the first update, which theta as it was initialised made.
class WindowWatch {
 public:
  static constexpr std::size_t kUpdates = 50;

  /// windows: of an update. The fewer, the more the first one says of its tasks alone (a window's objective
  /// has a standard deviation of some 0.3), and the wider the margin.
  explicit WindowWatch(std::int64_t windows);

  /// Of each update in order, from the first on, mean over its windows after their last inner step; NaN: all
  /// were dropped. Rounded as metrics.csv has it, so that a resumed run, which reads it there, judges alike.
  /// Without the first one nothing is judged.
  void add(std::int64_t update, double objective);
  /// Of what a metrics.csv holds up to an update.
  void add(const std::string& metrics_text, std::int64_t update);
  /// What is suspicious; empty: nothing.
  std::string suspicion() const;

 private:
  double margin_;
  std::optional<double> first_;
  std::deque<double> last_;
};

}  // namespace metalearn
