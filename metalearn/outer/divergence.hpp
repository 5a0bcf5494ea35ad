// Divergence: when a run whose numbers are all finite still is not worth going on with. Judged by its validations. Without any, training windows give no more than a suspicion: they are of few tasks at a
// time, some easy and some hard.
//
// Pure function, and a plain value for one thread. The thresholds are [ours].
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "metalearn/outer/run_state.hpp"

namespace metalearn {

/// Validations in a row in which theta does worse than random initialisation, after which a run counts as diverged.
inline constexpr int kWorseValidations = 5;
/// By how much the objective (0 .. 2) has to be higher after every mark, where theta never did better: one that has not learned yet does about as well as random initialisation.
inline constexpr double kFarWorse = 0.1;

/// Why a run counts as diverged by its validations; empty: it does not. Theta does worse where after no mark above 0 the objective is lower, or the accuracy higher, than at mark 0 (or where
/// nothing after a mark above 0 is finite). Empty where mark 0 is not validated.
std::string divergence(const std::vector<Validated>& history);

/// The objective of training windows, for runs without validations: suspicious where its mean over the last updates is far above that of the first update, which theta as it was initialised made.
class WindowWatch {
 public:
  static constexpr std::size_t kUpdates = 50;
  static constexpr double kMargin = 0.3;

  /// Of each update in order, from the first on, mean over its windows after their last inner step; NaN: all were dropped. Rounded as metrics.csv has it, so that a resumed run,
  /// which reads it there, judges alike. Without the first one nothing is judged.
  void add(std::int64_t update, double objective);
  /// Of what a metrics.csv holds up to an update.
  void add(const std::string& metrics_text, std::int64_t update);
  /// What is suspicious; empty: nothing.
  std::string suspicion() const;

 private:
  std::optional<double> first_;
  std::deque<double> last_;
};

}  // namespace metalearn
