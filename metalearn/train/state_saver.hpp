// StateSaver: when the state of a run is saved, what of the older snapshots stays, and how long ago it was.
//
// Saves in the background (checkpoints::BackgroundSaver); what a save threw comes out of the next call. One
// thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoints/background_saver.hpp"
#include "metalearn/snapshots/run_state.hpp"

namespace metalearn {

class StateSaver {
 public:
  /// flush_rows: makes the rows up to a snapshot durable, before it is; called on another thread. saved: the
  /// update resumed from, 0 for a new run. REQUIRES run and config to outlive it.
  StateSaver(checkpoints::RunDirectory& run, const Config& config, std::vector<std::string> provenance,
             std::function<void()> flush_rows, std::int64_t saved);

  /// Whether save-every or keep-every asks for it, or its validation was the best.
  bool is_due(const RunState& state) const;
  /// Hands over a copy of it.
  void save(const RunState& state, const InFlightPool& pool);
  /// Throws what a save that has ended threw.
  void check() { saver_.check(); }
  /// Returns when everything handed over is durable.
  void wait() { saver_.wait(); }

  std::int64_t saved() const { return saved_; }  ///< update of the newest state handed over, or resumed from
  double seconds_since_save() const;

 private:
  using Clock = std::chrono::steady_clock;

  const Config& config_;
  std::vector<std::string> provenance_;
  checkpoints::BackgroundSaver saver_;
  std::int64_t saved_;
  Clock::time_point saved_at_ = Clock::now();
};

}  // namespace metalearn
