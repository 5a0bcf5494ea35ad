// DivergenceJudge: after each update, whether a run may have diverged, and whether it has.
//
// Training windows raise suspicions. A run ends by its validations (divergence.hpp), or if most tasks are
// dropped in several consecutive updates. One thread.
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
  /// A run counts as diverged after this many consecutive updates in which most tasks were dropped.
  static constexpr std::int64_t kHopeless = 5;

  /// metrics_text: the run's metrics.csv up to `update`. has_validations: there is data to validate on.
  /// REQUIRES config to outlive it.
  DivergenceJudge(const Config& config, bool has_validations, const std::string& metrics_text,
                  std::int64_t update);

  /// What is suspicious after this update; none if nothing is, or if the update before was suspicious too.
  /// Call for each update in order.
  std::optional<Event> suspicion(const UpdateResult& result);

  /// Why the run counts as diverged after the update that led to `state`; empty if it does not.
  std::string verdict(const RunState& state, const UpdateResult& result) const;

 private:
  const Config& config_;
  bool is_ever_judged_;
  WindowWatch watch_;
  bool is_suspicious_;
};

}  // namespace metalearn
