// DivergenceJudge: after each update, whether a run may have diverged, and whether it has.
//
// Suspicions come from training windows; a run ends by its validations (divergence.hpp), or when most tasks
// are dropped again and again. One thread.
#pragma once
#include <optional>
#include <string>

#include "metalearn/config/config.hpp"
#include "metalearn/snapshots/run_state.hpp"
#include "metalearn/train/divergence.hpp"
#include "metalearn/train/update.hpp"

namespace metalearn {

class DivergenceJudge {
 public:
  /// Updates in a row most of whose tasks were dropped, after which a run counts as diverged.
  static constexpr std::int64_t kHopeless = 5;

  /// metrics_text: what metrics.csv holds of the run up to `update`. has_validations: there is something to
  /// validate on. REQUIRES config to outlive it.
  DivergenceJudge(const Config& config, bool has_validations, const std::string& metrics_text,
                  std::int64_t update);

  /// What is suspicious of the updates so far, this one included; none where nothing is, or it was said of
  /// the update before. Of each update in order.
  std::optional<Event> suspicion(const UpdateResult& result);

  /// Why the run counts as diverged with the update that led to `state`; empty: it does not.
  std::string verdict(const RunState& state, const UpdateResult& result) const;

 private:
  const Config& config_;
  bool is_ever_judged_;
  WindowWatch watch_;
  bool is_suspicious_;
};

}  // namespace metalearn
