// StateSaver: decides when the state of a run is saved and which older snapshots stay.
//
// Saves in the background (checkpoints::BackgroundSaver); an exception of a save is thrown by the next call.
// One thread.
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
  /// flush_rows: makes the rows up to a snapshot durable before the snapshot is; called on another thread.
  /// saved: the update resumed from, 0 for a new run. REQUIRES run and config to outlive it.
  StateSaver(checkpoints::RunDirectory& run, const Config& config, std::vector<std::string> provenance,
             std::function<void()> flush_rows, std::int64_t saved);

  /// Whether save-every or keep-every asks for a save, or this update's validation was the best.
  bool is_due(const RunState& state) const;
  /// Hands a copy of the state to the saver.
  void save(const RunState& state, const InFlightPool& pool);
  /// Throws what a finished save threw.
  void check() { saver_.check(); }
  /// Returns when all states handed over are durable.
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
