#include "metalearn/train/state_saver.hpp"

#include <limits>
#include <utility>

namespace metalearn {

StateSaver::StateSaver(checkpoints::RunDirectory& run, const Config& config,
                       std::vector<std::string> provenance, std::function<void()> flush_rows,
                       std::int64_t saved)
    : config_(config),
      provenance_(std::move(provenance)),
      saver_(run, std::move(flush_rows)),
      saved_(saved) {}

bool StateSaver::is_due(const RunState& state) const {
  const auto winner = best(state.validation);
  if (winner && winner->update == state.update) return true;
  if (config_.keep_every > 0 && state.update % config_.keep_every == 0) return true;
  const auto n = std::stoll(config_.save_every);  // "N" updates or "Ns" seconds (checked by Config)
  return config_.save_every.back() == 's' ? seconds_since_save() >= static_cast<double>(n)
                                          : state.update % n == 0;
}

void StateSaver::save(const RunState& state, const InFlightPool& pool) {
  checkpoints::Retention retention{
      .newest = static_cast<std::size_t>(config_.keep_newest), .every = config_.keep_every, .also = {}};
  if (const auto winner = best(state.validation)) retention.also.insert(winner->update);
  if (state.consecutive_failures > 0)  // a theta whose tasks are dropped must not replace an earlier snapshot
    retention.newest = std::numeric_limits<std::size_t>::max();
  saver_.save(state.update, to_archive(config_, state, pool, provenance_), std::move(retention));
  saved_ = state.update;
  saved_at_ = Clock::now();
}

double StateSaver::seconds_since_save() const {
  return std::chrono::duration<double>(Clock::now() - saved_at_).count();
}

}  // namespace metalearn
