#include "metalearn/train/divergence_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace metalearn {
namespace {

/// Names the best snapshot if it is better than random initialisation.
std::string good_snapshot(const std::vector<Validated>& history) {
  const auto chosen = best(history);
  const bool is_better =
      chosen && std::any_of(history.begin(), history.end(), [&](const Validated& v) {
        return v.update == chosen->update && v.point.mark == 0 && v.point.accuracy < chosen->point.accuracy;
      });
  return is_better ? fmt::format("the best snapshot (update {}) is kept", chosen->update)
                   : "no snapshot has a higher accuracy than random initialisation";
}

}  // namespace

DivergenceJudge::DivergenceJudge(const Config& config, bool has_validations, const std::string& metrics_text,
                                 std::int64_t update)
    : config_(config),
      is_ever_judged_(has_validations && config.validate_every > 0 && tells_divergence(config)),
      watch_(config.tasks) {
  watch_.add(metrics_text, update);
  is_suspicious_ = !watch_.suspicion().empty();
}

std::optional<Event> DivergenceJudge::suspicion(const UpdateResult& result) {
  watch_.add(result.rows.metrics.update, result.rows.metrics.objective.last);
  const std::string what = watch_.suspicion();
  const bool was_suspicious = std::exchange(is_suspicious_, !what.empty());
  if (what.empty() || was_suspicious) return {};
  return Event{
      EventKind::suspicion,
      fmt::format(
          "the training may have diverged: {}; {}; {}", what, result.worst_window,
          is_ever_judged_
              ? "validations will decide"
              : "to be sure, turn on validations (validate-every, with validate-steps 0 and later ones)")};
}

std::string DivergenceJudge::verdict(const RunState& state, const UpdateResult& result) const {
  std::string why;
  if (state.consecutive_failures >= kHopeless)
    why = fmt::format(
        "most tasks were dropped in {} consecutive updates, in the last one: {}; all used the theta of "
        "update {}, earlier snapshots are kept",
        state.consecutive_failures, first_text(result.rows.events, EventKind::dropped),
        state.update - state.consecutive_failures);
  else if (result.is_validated && !(why = divergence(state.validation, config_)).empty())
    why = fmt::format("{}; {}; {}", why, result.worst_window, good_snapshot(state.validation));
  if (why.empty()) return "";
  return fmt::format(
      "training diverged: {}; start a new run with a smaller meta-rate, merge-rate or inner-rate", why);
}

}  // namespace metalearn
